package org.vcpusim.check;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.vcpusim.kvm.Hazard;
import org.vcpusim.kvm.Rules;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * A rule that every trace of a correct machine keeps: a fold over its records. It sees events only, and of a trace whose
 * beginning or end is missing it says nothing about what was before or might still have come.
 *
 * <p>It is of one run, and is given the records of the tracepoints it wants and no others; {@link Invariants} sees to that.
 */
public abstract class Invariant {
    /** How many violations an invariant keeps. */
    public static final int MOST_VIOLATIONS = 100;

    private final String id;
    private final String title;
    private final Tracepoint[] wanted;
    private Rules rules = Rules.UPSTREAM;
    private int findings;
    private int hazards;
    private List<Violation> found = List.of();

    /**
     * An invariant that has seen nothing.
     *
     * @param wanted tracepoints; the same for all invariants of a class
     */
    protected Invariant(String id, String title, Tracepoint... wanted) {
        this.id = id;
        this.title = title;
        this.wanted = wanted;
    }

    /** A letter and a number, such as {@code I7}: I the bitmap and the IOAPIC, R requests, P posting and priorities, E EOIs, L liveness, H the host. */
    public final String id() {
        return id;
    }

    /** The rule in words, one sentence without a full stop. */
    public final String title() {
        return title;
    }

    /** The tracepoints whose records it is to be given. */
    public final Set<Tracepoint> wanted() {
        EnumSet<Tracepoint> set = EnumSet.noneOf(Tracepoint.class);
        set.addAll(Arrays.asList(wanted));
        return set;
    }

    /**
     * What it looks at, apart from what the records of a violation are about: with what has changed that begins the story of how the
     * rule broke. Parts of the vCPU or pin that a violation is about are those of {@link Thing#ITS}.
     */
    public abstract List<Thing> looksAt();

    /** The next record of a tracepoint it wants. */
    public abstract void accept(TraceRecord record);

    /**
     * The violations so far, in the order of the trace; of findings the first {@value #MOST_VIOLATIONS} are kept, and as many
     * hazards.
     */
    public final List<Violation> violations() {
        return Collections.unmodifiableList(found);
    }

    final boolean hasViolations() {
        return !found.isEmpty();
    }

    /** Whether there is a violation that no known hazard explains. */
    final boolean hasFinding() {
        return findings > 0;
    }

    /** It does not hold at {@code at}. */
    protected final void violated(TraceRecord at, String sentence, String detail) {
        violated(at, null, sentence, detail, null);
    }

    /** It does not hold at {@code at}, and that began at {@code since}. */
    @SuppressWarnings("TooManyParameters") // a violation's
    protected final void violated(TraceRecord at, @Nullable TraceRecord since, String sentence, String detail) {
        violated(at, since, sentence, detail, null);
    }

    /** It is of a machine with {@code machines}: what that is cured of explains nothing. */
    final void judgeBy(Rules machines) {
        rules = machines;
    }

    /**
     * It does not hold at {@code at}, which began at {@code since} where that is known, and is {@code hazard} if that is not null and
     * the machine is not cured of it.
     */
    @SuppressWarnings("TooManyParameters") // a violation's
    protected final void violated(
            TraceRecord at, @Nullable TraceRecord since, String sentence, String detail, @Nullable Hazard hazard) {
        if (found.isEmpty()) {
            found = new ArrayList<>();
        }
        Hazard known = hazard != null && rules.cures(hazard) ? null : hazard;
        if (known == null ? findings++ < MOST_VIOLATIONS : hazards++ < MOST_VIOLATIONS) {
            found.add(new Violation(id, sentence, at, since, detail, known));
        }
    }
}
