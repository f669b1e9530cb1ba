package org.vcpusim.kvm;

/**
 * Where on the host a vCPU's thread runs.
 *
 * @param cpu the processor it runs on or ran on last, {@link #NOWHERE} before the first
 * @param next the processor it runs on the next time
 * @param resumeAt what it does when it runs again
 * @param preempted it has to make room
 */
record Placement(int cpu, int next, EntryPhase resumeAt, boolean preempted) {
    /** No processor. */
    static final int NOWHERE = -1;

    /** Where the processors of the host are not modelled: each vCPU has one of its own. */
    static final Placement OWN_PROCESSOR = new Placement(NOWHERE, NOWHERE, EntryPhase.RUN_LOOP, false);

    static Placement of(Machine machine, int vcpu) {
        return machine.physicalCpus() == 0
                ? OWN_PROCESSOR
                : new Placement(NOWHERE, vcpu % machine.physicalCpus(), EntryPhase.RUN_LOOP, false);
    }

    Placement waiting(EntryPhase resume) {
        return new Placement(cpu, next, resume, false);
    }

    Placement on(int processor) {
        return new Placement(processor, processor, resumeAt, preempted);
    }

    Placement goingTo(int processor) {
        return new Placement(cpu, processor, resumeAt, preempted);
    }

    Placement withPreempted() {
        return new Placement(cpu, next, resumeAt, true);
    }
}
