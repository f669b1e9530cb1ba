package org.vcpusim.sim;

import java.util.Collection;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.vcpusim.kvm.Fault;
import org.vcpusim.kvm.Hazard;
import org.vcpusim.kvm.Rules;
import org.vcpusim.scenario.InputException;
import org.vcpusim.scenario.Scenario;
import org.vcpusim.schedule.PackedPicks;
import org.vcpusim.schedule.Schedule;

/**
 * A run as a short string: {@code v1.PROGRAM.SCENARIO.DIGEST.OPTIONS.TRACE.PICKS}.
 *
 * <pre>
 *   v1         the form of the token
 *   PROGRAM    version of the program, with - for .
 *   SCENARIO   name of the scenario
 *   DIGEST     of what its file says, comments apart
 *   OPTIONS    nN vCPUs, fHEX faults, cHEX cures, gHEX garbage seed; then s: stops behind the picks, or e: goes on to the end
 *   TRACE      digest of the trace
 *   PICKS      who handles a message, packed
 * </pre>
 *
 * <p>It holds the picks, not the seed: they survive a change of the generator, and shortened schedules have no seed.
 *
 * @param program version of the program that wrote it
 * @param scenario name
 * @param digest of the scenario
 * @param trace digest of the trace
 */
public record ReplayToken(String program, String scenario, String digest, Options options, String trace, String picks) {
    private static final String FORM = "v1";
    private static final String NO_TRACE = "00000000";
    private static final Pattern TOKEN = Pattern.compile(
            "v1\\.([0-9A-Za-z-]+)\\.([0-9A-Za-z_-]+)\\.([0-9a-f]{12})\\.(\\w+)\\.([0-9a-f]{8})\\.([\\w-]*)");
    private static final Pattern OPTIONS =
            Pattern.compile("n(\\d{1,4})f([0-9a-f]{1,16})c([0-9a-f]{1,16})g([0-9a-f]{1,16})([se])");

    /** What the command line may set apart from the scenario; faults and cures are sets, a bit each. */
    record Options(int vcpus, long faults, long cures, long garbageSeed, boolean finishes) {
        @Override
        public String toString() {
            return "n" + vcpus + "f" + Long.toHexString(faults) + "c" + Long.toHexString(cures) + "g"
                    + Long.toHexString(garbageSeed) + (finishes ? "e" : "s");
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
                scenario.machine().vcpuCount(),
                mask(rules.faults()),
                mask(List.of(Hazard.values()).stream().filter(rules::cures).toList()),
                scenario.machine().garbageSeed(),
                run.finishes());
        return new ReplayToken(
                dashed(program), scenario.name(), scenario.digest(), options, trace, PackedPicks.encode(run.picks()));
    }

    private static long mask(Collection<? extends Enum<?>> constants) {
        return constants.stream().mapToLong(c -> 1L << c.ordinal()).sum();
    }

    private static String dashed(String version) {
        return version.replace('.', '-');
    }

    /** Whether {@code text} means to be a token, rather than a file. */
    public static boolean looksLike(String text) {
        return text.startsWith(FORM + ".") && text.chars().filter(c -> c == '.').count() >= 5;
    }

    /**
     * Reads a token.
     *
     * @throws InputException where it is none
     */
    public static ReplayToken parse(String text) {
        Matcher token = TOKEN.matcher(text);
        if (!token.matches()) {
            throw new InputException("token '" + shortened(text) + "': must be " + FORM
                    + ".PROGRAM.SCENARIO.DIGEST.OPTIONS.TRACE.PICKS, as 'stress' and 'hunt' print it");
        }
        Matcher options = OPTIONS.matcher(token.group(4));
        if (!options.matches()) {
            throw new InputException("token options '" + token.group(4) + "': must be nN fHEX cHEX gHEX and s or e");
        }
        Options said = new Options(
                Integer.parseInt(options.group(1)),
                Long.parseUnsignedLong(options.group(2), 16),
                Long.parseUnsignedLong(options.group(3), 16),
                Long.parseUnsignedLong(options.group(4), 16),
                options.group(5).equals("e"));
        return new ReplayToken(token.group(1), token.group(2), token.group(3), said, token.group(5), token.group(6));
    }

    private static String shortened(String text) {
        return text.length() <= 40 ? text : text.substring(0, 37) + "...";
    }

    /**
     * The run that it means.
     *
     * @param named the scenario that goes by its name
     * @param running the version that this program is
     * @throws InputException where it is of another scenario or version, or the picks cannot be read
     */
    public Reproduction reproduction(Scenario named, String running) {
        if (!program.equals(dashed(running))) {
            throw new InputException(
                    "token of version " + program.replace('-', '.') + ": must be of version " + running);
        }
        if (!named.digest().equals(digest)) {
            throw new InputException("token of scenario '" + scenario + "' with digest " + digest
                    + ": the scenario of that name has " + named.digest() + ", its file says something else by now");
        }
        Scenario sized = named.machine().vcpuCount() == options.vcpus ? named : named.withVcpus(options.vcpus);
        Scenario played = sized.withRules(rules()).withGarbageSeed(options.garbageSeed);
        try {
            Schedule schedule = PackedPicks.decode(picks);
            if (schedule.size() == 0 && !options.finishes) {
                throw new InputException("token picks: must be at least 1");
            }
            return new Reproduction(played, schedule, options.finishes);
        } catch (IllegalArgumentException e) {
            throw new InputException("token picks: " + e.getMessage());
        }
    }

    private Rules rules() {
        Rules rules = Rules.with(List.of(Fault.values()).stream()
                .filter(fault -> (options.faults & 1L << fault.ordinal()) != 0)
                .toList());
        for (Hazard hazard : Hazard.values()) {
            if ((options.cures & 1L << hazard.ordinal()) != 0) {
                rules = rules.with(hazard);
            }
        }
        return rules;
    }

    @Override
    public String toString() {
        return String.join(".", FORM, program, scenario, digest, options.toString(), trace, picks);
    }
}
