package org.vcpusim.sim;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.zip.CRC32;
import org.vcpusim.kvm.Fault;
import org.vcpusim.kvm.Hazard;
import org.vcpusim.kvm.Rules;
import org.vcpusim.scenario.InputException;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.scenario.ScenarioCuts;
import org.vcpusim.schedule.PackedPicks;
import org.vcpusim.schedule.Schedule;

/**
 * A run as a short string: {@code v1.PROGRAM.SCENARIO.DIGEST.OPTIONS.TRACE.PICKS.CHECK}.
 *
 * <pre>
 *   v1         the form of the token
 *   PROGRAM    version of the program, with - for .
 *   SCENARIO   name of the scenario, with _ for what is no letter, digit, - or _
 *   DIGEST     of what its file says, comments apart
 *   OPTIONS    nN vCPUs, fHEX faults, cHEX cures, gHEX garbage seed, kN-N-N how the scenario is cut, if it is; then
 *              s: stops behind the picks, or e: goes on to the end
 *   TRACE      digest of the trace
 *   PICKS      who handles a message, packed
 *   CHECK      of all that, so that what was copied badly is not taken for a change of the rules
 * </pre>
 *
 * <p>It holds the picks, not the seed: they survive a change of the generator, and shortened schedules have no seed.
 *
 * @param program version of the program that wrote it
 * @param scenario name
 * @param digest of the scenario
 * @param trace digest of the trace
 */
public record ReplayToken(
        String program, String scenario, String digest, Options options, String trace, Schedule picks) {
    private static final int VERSION = 1;
    private static final String NO_TRACE = "00000000";
    private static final List<Hazard> CURABLE =
            Arrays.stream(Hazard.values()).filter(Hazard::isCurable).toList();
    private static final Pattern BEGINNING = Pattern.compile("v(\\d{1,9})\\..*", Pattern.DOTALL);
    private static final Pattern OPTIONS = Pattern.compile(
            "n(\\d{1,4})f([0-9a-f]{1,16})c([0-9a-f]{1,16})g([0-9a-f]{1,16})(?:k(\\d{1,6}(?:-\\d{1,6})*))?([se])");

    /** What is between the points, in this order. */
    private enum Part {
        FORM("v" + VERSION, "v1"),
        PROGRAM("[0-9A-Za-z-]+", "a version"),
        SCENARIO("[0-9A-Za-z_-]+", "a name"),
        DIGEST("[0-9a-f]{12}", "12 hexadecimal digits"),
        OPTIONS(ReplayToken.OPTIONS.pattern(), "nN fHEX cHEX gHEX, perhaps kN-N, and s or e"),
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
     * What is played other than the scenario's file says; faults and cures are sets, a bit each.
     *
     * @param vcpus before anything is cut
     * @param cuts those of {@link Scenario#cuts}
     */
    record Options(int vcpus, long faults, long cures, long garbageSeed, List<Integer> cuts, boolean finishes) {
        private static Options parse(String text) {
            Matcher said = OPTIONS.matcher(text);
            if (!said.matches()) {
                throw new IllegalStateException(text); // its part is checked before
            }
            return new Options(
                    Integer.parseInt(said.group(1)),
                    mask("fault", said.group(2), List.of(Fault.values())),
                    mask("cure", said.group(3), CURABLE),
                    Long.parseUnsignedLong(said.group(4), 16),
                    said.group(5) == null ? List.of() : cuts(said.group(5)),
                    said.group(6).equals("e"));
        }

        private static List<Integer> cuts(String text) {
            return Arrays.stream(text.split("-")).map(Integer::valueOf).toList();
        }

        private static long mask(String what, String hex, List<? extends Enum<?>> known) {
            long mask = Long.parseUnsignedLong(hex, 16);
            long rest = mask & ~ReplayToken.mask(known);
            if (rest != 0) {
                throw new InputException("token: " + what + " " + Long.numberOfTrailingZeros(rest)
                        + ": must be one that this program knows, there are " + known.size());
            }
            return mask;
        }

        @Override
        public String toString() {
            String cut = cuts.stream().map(String::valueOf).collect(Collectors.joining("-"));
            return "n" + vcpus + "f" + Long.toHexString(faults) + "c" + Long.toHexString(cures) + "g"
                    + Long.toHexString(garbageSeed) + (cut.isEmpty() ? "" : "k" + cut) + (finishes ? "e" : "s");
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
        Rules rules = scenario.machine().rules();
        Options options = new Options(
                scenario.whole().machine().vcpuCount(),
                mask(rules.faults()),
                mask(CURABLE.stream().filter(rules::cures).toList()),
                scenario.machine().garbageSeed(),
                scenario.cuts(),
                run.finishes());
        return new ReplayToken(
                dashed(program), named(scenario.name()), scenario.whole().digest(), options, trace, run.picks());
    }

    private static long mask(Collection<? extends Enum<?>> constants) {
        return constants.stream().mapToLong(c -> 1L << c.ordinal()).sum();
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
        Scenario played = sized.withRules(rules()).withGarbageSeed(options.garbageSeed);
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
            throw new InputException("token with " + options.vcpus + " vCPUs: " + e.getMessage());
        }
    }

    private Rules rules() {
        Rules rules = Rules.with(List.of(Fault.values()).stream()
                .filter(fault -> (options.faults & 1L << fault.ordinal()) != 0)
                .toList());
        for (Hazard hazard : CURABLE) {
            if ((options.cures & 1L << hazard.ordinal()) != 0) {
                rules = rules.with(hazard);
            }
        }
        return rules;
    }

    @Override
    public String toString() {
        String said = String.join(
                ".", "v" + VERSION, program, scenario, digest, options.toString(), trace, PackedPicks.encode(picks));
        return said + "." + check(said);
    }
}
