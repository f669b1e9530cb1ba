package org.vcpusim.kvm;

/**
 * Events on their way into the guest, besides the local APIC's vectors.
 *
 * <p>Source: the exception, interrupt, nmi and smi members of {@code struct kvm_vcpu_arch}.
 *
 * @param mpState what the vCPU waits for
 * @param exception an exception to inject, or {@link #NONE}
 * @param interrupt an interrupt that was taken from its controller and is not in the guest yet, or {@link #NONE}
 * @param nmiQueued NMIs that KVM_REQ_NMI has not collected
 * @param nmiPending NMIs to inject, 0 to 2
 * @param nmiInjected an NMI is written to the VM-entry field
 * @param nmiMasked an NMI handler runs
 * @param smiQueued an SMI that KVM_REQ_SMI has not collected
 * @param smiPending an SMI to take
 * @param picOutput the PIC asks for an interrupt
 * @param pvUnhalted a remote read has ended its HLT, or will end the next one
 */
public record VcpuEvents(
        MpState mpState,
        int exception,
        int interrupt,
        int nmiQueued,
        int nmiPending,
        boolean nmiInjected,
        boolean nmiMasked,
        boolean smiQueued,
        boolean smiPending,
        boolean picOutput,
        boolean pvUnhalted) {
    /** No vector. */
    public static final int NONE = -1;

    private static final int MOST_NMIS = 2;

    /** A runnable vCPU without any event. */
    public static final VcpuEvents QUIET =
            new VcpuEvents(MpState.RUNNABLE, NONE, NONE, 0, 0, false, false, false, false, false, false);

    VcpuEvents with(MpState other) {
        return new VcpuEvents(
                other,
                exception,
                interrupt,
                nmiQueued,
                nmiPending,
                nmiInjected,
                nmiMasked,
                smiQueued,
                smiPending,
                picOutput,
                pvUnhalted);
    }

    VcpuEvents withException(int vector) {
        return new VcpuEvents(
                mpState,
                vector,
                interrupt,
                nmiQueued,
                nmiPending,
                nmiInjected,
                nmiMasked,
                smiQueued,
                smiPending,
                picOutput,
                pvUnhalted);
    }

    VcpuEvents withInterrupt(int vector) {
        return new VcpuEvents(
                mpState,
                exception,
                vector,
                nmiQueued,
                nmiPending,
                nmiInjected,
                nmiMasked,
                smiQueued,
                smiPending,
                picOutput,
                pvUnhalted);
    }

    VcpuEvents withNmiQueued() {
        return new VcpuEvents(
                mpState,
                exception,
                interrupt,
                nmiQueued + 1,
                nmiPending,
                nmiInjected,
                nmiMasked,
                smiQueued,
                smiPending,
                picOutput,
                pvUnhalted);
    }

    /** {@code process_nmi}: queued NMIs become pending, at most one more than the one being handled. */
    VcpuEvents nmisCollected() {
        int limit = nmiMasked || nmiInjected ? 1 : MOST_NMIS;
        int pending = Math.min(limit, nmiPending + nmiQueued);
        return new VcpuEvents(
                mpState,
                exception,
                interrupt,
                0,
                pending,
                nmiInjected,
                nmiMasked,
                smiQueued,
                smiPending,
                picOutput,
                pvUnhalted);
    }

    VcpuEvents nmiTakenForInjection() {
        return new VcpuEvents(
                mpState,
                exception,
                interrupt,
                nmiQueued,
                nmiPending - 1,
                true,
                nmiMasked,
                smiQueued,
                smiPending,
                picOutput,
                pvUnhalted);
    }

    VcpuEvents nmiEntered() {
        return new VcpuEvents(
                mpState,
                exception,
                interrupt,
                nmiQueued,
                nmiPending,
                false,
                true,
                smiQueued,
                smiPending,
                picOutput,
                pvUnhalted);
    }

    VcpuEvents nmiUnmasked() {
        return new VcpuEvents(
                mpState,
                exception,
                interrupt,
                nmiQueued,
                nmiPending,
                nmiInjected,
                false,
                smiQueued,
                smiPending,
                picOutput,
                pvUnhalted);
    }

    VcpuEvents withSmiQueued() {
        return new VcpuEvents(
                mpState,
                exception,
                interrupt,
                nmiQueued,
                nmiPending,
                nmiInjected,
                nmiMasked,
                true,
                smiPending,
                picOutput,
                pvUnhalted);
    }

    /** {@code process_smi}. */
    VcpuEvents smiCollected() {
        return new VcpuEvents(
                mpState,
                exception,
                interrupt,
                nmiQueued,
                nmiPending,
                nmiInjected,
                nmiMasked,
                false,
                smiPending || smiQueued,
                picOutput,
                pvUnhalted);
    }

    VcpuEvents smiTaken() {
        return new VcpuEvents(
                mpState,
                exception,
                interrupt,
                nmiQueued,
                nmiPending,
                nmiInjected,
                nmiMasked,
                smiQueued,
                false,
                picOutput,
                pvUnhalted);
    }

    VcpuEvents withPicOutput(int level) {
        return new VcpuEvents(
                mpState,
                exception,
                interrupt,
                nmiQueued,
                nmiPending,
                nmiInjected,
                nmiMasked,
                smiQueued,
                smiPending,
                level != 0,
                pvUnhalted);
    }

    /** After INIT: nothing is on its way into the guest; {@code kvm_vcpu_reset}. */
    VcpuEvents reset() {
        return new VcpuEvents(mpState, NONE, NONE, 0, 0, false, false, false, false, picOutput, pvUnhalted);
    }

    /** {@code pv_unhalted}: how a remote read wakes a vCPU, and how KVM takes note that it did. */
    VcpuEvents withPvUnhalted(boolean unhalted) {
        return new VcpuEvents(
                mpState,
                exception,
                interrupt,
                nmiQueued,
                nmiPending,
                nmiInjected,
                nmiMasked,
                smiQueued,
                smiPending,
                picOutput,
                unhalted);
    }

    /** What KVM_GET_MP_STATE reports: a vCPU that a remote read has woken counts as runnable before it runs. */
    public MpState reportedMpState() {
        return mpState.isHalted() && pvUnhalted ? MpState.RUNNABLE : mpState;
    }
}
