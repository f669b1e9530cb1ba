package org.vcpusim.sim;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.zip.CRC32;
import org.vcpusim.check.Violation;
import org.vcpusim.kvm.Hazard;
import org.vcpusim.kvm.Rules;
import org.vcpusim.scenario.InputException;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.scenario.ScenarioCuts;
import org.vcpusim.schedule.PackedPicks;
import org.vcpusim.schedule.Schedule;

/**
 * A run as a short string: {@code v2.PROGRAM.SCENARIO.DIGEST.OPTIONS.TRACE.PICKS.CHECK}.
 *
 * <pre>
 *   v2         the form of the token
 *   PROGRAM    version of the program, with - for .
 *   SCENARIO   name of the scenario, with _ for what is no letter, digit, - or _
 *   DIGEST     of what its file says, comments apart
 *   OPTIONS    nN vCPUs, the names of what is left out and cured (see {@link Rules#names}), gHEX garbage seed, kN-N-N how the
 *              scenario is cut, if it is; rRULE or rRULE-HAZARD what it shows, if that is said; then s: stops behind the picks, or
 *              e: goes on to the end; with _ between them
 *   TRACE      digest of the trace
 *   PICKS      who handles a message, packed
 *   CHECK      of all that, so that what was copied badly is not taken for a change of the rules
 * </pre>
 *
 * <p>It holds the picks, not the seed: they survive a change of the generator, and shortened schedules have no seed. It holds
 * names of rules, not numbers: they survive a change of their order, and one that is gone can be named.
 *
 * @param program version of the program that wrote it
 * @param scenario name
 * @param digest of the scenario
 * @param trace digest of the trace
 */
public record ReplayToken(
        String program, String scenario, String digest, Options options, String trace, Schedule picks) {
    private static final int VERSION = 2;
    private static final String NO_TRACE = "00000000";
    private static final Pattern BEGINNING = Pattern.compile("v(\\d{1,9})\\..*", Pattern.DOTALL);
    private static final Pattern OPTIONS =
            Pattern.compile("n(\\d{1,4})((?:_[0-9A-Za-z-]+)*?)_g([0-9a-f]{1,16})(?:_k(\\d{1,6}(?:-\\d{1,6})*))?"
                    + "(?:_r([A-Z]\\d{1,2}(?:-O\\d)?))?_([se])");

    /** What is between the points, in this order. */
    private enum Part {
        FORM("v" + VERSION, "v" + VERSION),
        PROGRAM("[0-9A-Za-z-]+", "a version"),
        SCENARIO("[0-9A-Za-z_-]+", "a name"),
        DIGEST("[0-9a-f]{12}", "12 hexadecimal digits"),
        OPTIONS(
                ReplayToken.OPTIONS.pattern(),
                "nN, names, gHEX, perhaps kN-N and rRULE, and s or e, with _ between them"),
        TRACE("[0-9a-f]{8}", "8 hexadecimal digits"),
        PICKS("[0-9A-Za-z_-]+", "letters, digits, - and _"),
        CHECK("[0-9a-f]{4}", "4 hexadecimal digits");

        private final String pattern;
        private final String expected;

        Part(String pattern, String expected) {
            this.pattern = pattern;
            this.expected = expected;
        }

        String of(List<String> parts) {
            return parts.get(ordinal());
        }
    }

    /**
     * What is played other than the scenario's file says.
     *
     * @param vcpus before anything is cut
     * @param rules where it departs from Linux as it is modelled
     * @param cuts those of {@link Scenario#cuts}
     * @param shows the rule that it breaks, and behind - the hazard that explains that, if one does; empty where it is not said
     */
    record Options(int vcpus, Rules rules, long garbageSeed, List<Integer> cuts, String shows, boolean finishes) {
        private static Options parse(String text) {
            Matcher said = OPTIONS.matcher(text);
            if (!said.matches()) {
                throw new IllegalStateException(text); // its part is checked before
            }
            return new Options(
                    Integer.parseInt(said.group(1)),
                    rules(said.group(2)),
                    Long.parseUnsignedLong(said.group(3), 16),
                    said.group(4) == null ? List.of() : cuts(said.group(4)),
                    said.group(5) == null ? "" : said.group(5),
                    said.group(6).equals("e"));
        }

        private static Rules rules(String text) {
            Rules rules = Rules.UPSTREAM;
            for (String name :
                    text.isEmpty() ? new String[0] : text.substring(1).split("_", -1)) {
                Rules before = rules;
                rules = before.without(name)
                        .or(() -> before.with(name))
                        .orElseThrow(() -> new InputException("token with '" + name
                                + "': this program knows no fix, fault or hazard with a cure of that name"));
            }
            return rules;
        }

        private static List<Integer> cuts(String text) {
            return Arrays.stream(text.split("-")).map(Integer::valueOf).toList();
        }

        @Override
        public String toString() {
            List<String> said = new ArrayList<>();
            said.add("n" + vcpus);
            said.addAll(rules.names());
            said.add("g" + Long.toHexString(garbageSeed));
            if (!cuts.isEmpty()) {
                said.add("k" + cuts.stream().map(String::valueOf).collect(Collectors.joining("-")));
            }
            if (!shows.isEmpty()) {
                said.add("r" + shows);
            }
            said.add(finishes ? "e" : "s");
            return String.join("_", said);
        }
    }

    /** The token of {@code run}, written by version {@code program}. */
    public static ReplayToken of(Reproduction run, String program) {
        return of(run, program, run.traceDigest());
    }

    /** The token of {@code run}, which makes this program fail and so has no whole trace. */
    static ReplayToken ofFailing(Reproduction run, String program) {
        return of(run, program, NO_TRACE);
    }

    private static ReplayToken of(Reproduction run, String program, String trace) {
        Scenario scenario = run.scenario();
        Options options = new Options(
                scenario.whole().machine().vcpuCount(),
                scenario.machine().rules(),
                scenario.machine().garbageSeed(),
                scenario.cuts(),
                "",
                run.finishes());
        return new ReplayToken(
                dashed(program), named(scenario.name()), scenario.whole().digest(), options, trace, run.picks());
    }

    /** The same, of a run that is shown for {@code violation}. */
    public ReplayToken showing(Violation violation) {
        String shows = violation.invariant()
                + violation.hazard().map(hazard -> "-" + hazard.name()).orElse("");
        Options more =
                new Options(options.vcpus, options.rules, options.garbageSeed, options.cuts, shows, options.finishes);
        return new ReplayToken(program, scenario, digest, more, trace, picks);
    }

    /** What it is shown for, where that is said. */
    Optional<Attempt.Symptom> symptom() {
        String[] shows = options.shows.split("-", 2);
        return options.shows.isEmpty()
                ? Optional.empty()
                : Optional.of(new Attempt.Symptom(
                        shows[0], shows.length == 1 ? Optional.empty() : Hazard.of(shows[1]), Optional.empty()));
    }

    private static String dashed(String version) {
        return version.replace('.', '-');
    }

    /** Whether {@code text} means to be a token, of whatever version, rather than a file. */
    public static boolean looksLike(String text) {
        return BEGINNING.matcher(text).matches();
    }

    /**
     * Reads a token.
     *
     * @throws InputException where it is none; says whether it is of another version, cut, or changed
     */
    public static ReplayToken parse(String text) {
        List<String> parts = parts(text);
        Schedule picks = picks(Part.PICKS.of(parts));
        String check = check(text.substring(0, text.lastIndexOf('.')));
        if (!check.equals(Part.CHECK.of(parts))) {
            throw new InputException("token: check = " + Part.CHECK.of(parts) + ": must be " + check
                    + ", a character was changed since it was printed");
        }
        Options options = Options.parse(Part.OPTIONS.of(parts));
        if (picks.size() == 0 && !options.finishes) {
            throw new InputException("token: 0 picks: must be at least 1");
        }
        return new ReplayToken(
                Part.PROGRAM.of(parts),
                Part.SCENARIO.of(parts),
                Part.DIGEST.of(parts),
                options,
                Part.TRACE.of(parts),
                picks);
    }

    /** One for each {@link Part}, each as it must be. */
    private static List<String> parts(String text) {
        Matcher beginning = BEGINNING.matcher(text);
        if (!beginning.matches()) {
            throw new InputException("token '" + shortened(text) + "': must begin with v" + VERSION
                    + "., as 'stress' and 'hunt' print it");
        }
        if (Integer.parseInt(beginning.group(1)) != VERSION) {
            throw new InputException("a token of version " + beginning.group(1) + ": this program reads v" + VERSION);
        }
        List<String> parts = List.of(text.split("\\.", -1));
        Part[] wanted = Part.values();
        for (Part part : wanted) {
            boolean last = part.ordinal() == parts.size() - 1;
            if (part.ordinal() >= parts.size()) {
                throw new InputException("token is cut: " + part + " is missing");
            }
            if (!part.of(parts).matches(part.pattern)) {
                throw new InputException(
                        last
                                ? "token is cut: it ends in " + part + " '" + shortened(part.of(parts)) + "'"
                                : "token: " + part + " = '" + shortened(part.of(parts)) + "': must be "
                                        + part.expected);
            }
        }
        if (parts.size() > wanted.length) {
            throw new InputException("token: " + parts.size() + " parts: must be " + wanted.length);
        }
        return parts;
    }

    private static Schedule picks(String text) {
        try {
            return PackedPicks.decode(text);
        } catch (IllegalArgumentException e) {
            throw new InputException("token: PICKS: " + e.getMessage());
        }
    }

    private static String check(String text) {
        CRC32 crc = new CRC32();
        crc.update(text.getBytes(StandardCharsets.UTF_8));
        return String.format(Locale.ROOT, "%04x", crc.getValue() >>> Short.SIZE);
    }

    private static String shortened(String text) {
        return text.length() <= 40 ? text : text.substring(0, 37) + "...";
    }

    /**
     * The run that it means.
     *
     * @param given the scenario that it is said to be of
     * @param running the version that this program is
     * @throws InputException where it is of another scenario or version
     */
    public Reproduction reproduction(Scenario given, String running) {
        if (!program.equals(dashed(running))) {
            throw new InputException("token of vcpusim " + program.replace('-', '.') + ": this is vcpusim " + running);
        }
        if (!given.digest().equals(digest)) {
            String why = isOf(given.name())
                    ? ": the file of that name says something else by now, its digest is " + given.digest()
                    : ": the scenario given is '" + given.name() + "', digest " + given.digest();
            throw new InputException("token of scenario '" + scenario + "', digest " + digest + why);
        }
        Scenario sized = given.machine().vcpuCount() == options.vcpus ? given : withVcpus(given);
        Scenario played = sized.withRules(options.rules).withGarbageSeed(options.garbageSeed);
        try {
            return new Reproduction(ScenarioCuts.at(played, options.cuts), picks, options.finishes);
        } catch (InputException e) {
            throw new InputException("token: " + e.getMessage());
        }
    }

    private boolean isOf(String name) {
        return scenario.equals(named(name));
    }

    private static String named(String scenario) {
        return scenario.replaceAll("[^0-9A-Za-z_-]", "_");
    }

    private Scenario withVcpus(Scenario given) {
        try {
            return given.withVcpus(options.vcpus);
        } catch (InputException e) {
            throw new InputException("token with " + options.vcpus + " vCPUs: "
                    + String.valueOf(e.getMessage()).replaceFirst("^--vcpus = -?\\d+: ", ""));
        }
    }

    @Override
    public String toString() {
        String said = String.join(
                ".", "v" + VERSION, program, scenario, digest, options.toString(), trace, PackedPicks.encode(picks));
        return said + "." + check(said);
    }
}
