package org.vcpusim.kvm;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * Where a machine departs from Linux as it is modelled: what it does wrong on purpose, and which hazards it is cured of.
 *
 * <p>Both are sets; a bit each, since a rule asks for one at nearly every step.
 */
public final class Rules {
    /** Linux as it is modelled. */
    public static final Rules UPSTREAM = new Rules(0, 0);

    private final long faults;
    private final long cures;
    private final BooleanSupplier patched;

    private Rules(long faults, long cures) {
        this(faults, cures, Rules::never);
    }

    private static boolean never() {
        return false;
    }

    private Rules(long faults, long cures, BooleanSupplier patched) {
        this.faults = faults;
        this.cures = cures;
        this.patched = patched;
    }

    /** Linux with {@code faults}. */
    public static Rules with(Collection<Fault> faults) {
        return UPSTREAM.and(faults);
    }

    /** Linux of release {@code kernel}, as far as faults go that were fixed since. */
    public static Rules of(KernelVersion kernel) {
        return with(Arrays.stream(Fault.values())
                .filter(fault -> fault.isIn(kernel))
                .toList());
    }

    /** These rules with {@code more} faults. */
    public Rules and(Collection<Fault> more) {
        long mask = faults;
        for (Fault fault : more) {
            mask |= 1L << fault.ordinal();
        }
        return new Rules(mask, cures);
    }

    /** These rules without {@code fix}: its faults are there. */
    public Rules without(Fix fix) {
        return and(fix.faults());
    }

    /** These rules with {@code fix}: its faults are not there. */
    public Rules with(Fix fix) {
        Rules rules = this;
        for (Fault fault : fix.faults()) {
            rules = rules.without(fault);
        }
        return rules;
    }

    /** These rules without {@code fault}. */
    public Rules without(Fault fault) {
        return new Rules(faults & ~(1L << fault.ordinal()), cures);
    }

    /**
     * These rules without what is called {@code name}: a fix, all of it, or one fault by its key. Empty where nothing is called
     * so.
     */
    public Optional<Rules> without(String name) {
        return Fix.of(name).map(this::without).or(() -> Fault.of(name).map(fault -> and(List.of(fault))));
    }

    /**
     * These rules with what is called {@code name}: a fix, all of it, one fault mended by its key, or a hazard cured. Empty where
     * nothing is called so.
     */
    public Optional<Rules> with(String name) {
        return Fix.of(name)
                .map(this::with)
                .or(() -> Fault.of(name).map(this::without))
                .or(() -> Hazard.curable(name).map(this::with));
    }

    /**
     * The least that {@link #without(String)} and, for hazards, {@link #with(String)} have to be told to get from Linux as it is
     * modelled to these rules.
     */
    public List<String> names() {
        List<String> names = new ArrayList<>();
        List<Fault> rest = new ArrayList<>(faults());
        for (Fix fix : Fix.values()) {
            if (rest.containsAll(fix.faults())) {
                names.add(fix.id());
                rest.removeAll(fix.faults());
            }
        }
        rest.stream().map(Fault::key).forEach(names::add);
        Arrays.stream(Hazard.values()).filter(this::cures).map(Hazard::name).forEach(names::add);
        return names;
    }

    /** These rules without any fault. */
    public Rules withoutFaults() {
        return new Rules(0, cures);
    }

    /** These rules, of which no fault is there any more once the running machine is {@code patched}. */
    public Rules until(BooleanSupplier patched) {
        return new Rules(faults, cures, patched);
    }

    /** These rules cured of {@code hazard}. */
    public Rules with(Hazard hazard) {
        if (!hazard.isCurable()) {
            throw new IllegalArgumentException(hazard + ": has no cure to switch on");
        }
        return new Rules(faults, cures | 1L << hazard.ordinal());
    }

    /** Whether {@code fault} is there. */
    public boolean has(Fault fault) {
        return (faults & 1L << fault.ordinal()) != 0 && !patched.getAsBoolean();
    }

    /** Whether {@code hazard} is cured. */
    public boolean cures(Hazard hazard) {
        return (cures & 1L << hazard.ordinal()) != 0;
    }

    /** All faults that are there. */
    public List<Fault> faults() {
        EnumSet<Fault> there = EnumSet.noneOf(Fault.class);
        for (Fault fault : Fault.values()) {
            if (has(fault)) {
                there.add(fault);
            }
        }
        return List.copyOf(there);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Rules r && faults == r.faults && cures == r.cures;
    }

    @Override
    public int hashCode() {
        return Long.hashCode(faults * 31 + cures);
    }

    @Override
    public String toString() {
        return "Rules" + faults();
    }
}
