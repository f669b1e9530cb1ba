package org.vcpusim.kvm;

/**
 * Events on their way into the guest, besides the local APIC's vectors.
 *
 * <p>Source: the exception, interrupt, nmi and smi members of {@code struct kvm_vcpu_arch}.
 *
 * @param mpState what the vCPU waits for
 * @param exception an exception to inject, or {@link #NONE}
 * @param interrupt an interrupt that was taken from its controller and is not in the guest yet, or {@link #NONE}
 * @param smiPending KVM_REQ_SMI was seen, and the system-management interrupt is to be taken
 * @param picOutput the PIC asks for an interrupt
 * @param pvUnhalted a remote read has ended its HLT, or will end the next one
 */
public record VcpuEvents(
        MpState mpState,
        int exception,
        int interrupt,
        Nmis nmis,
        boolean smiPending,
        boolean picOutput,
        boolean pvUnhalted) {
    /** No vector. */
    public static final int NONE = -1;

    /** A runnable vCPU without any event. */
    public static final VcpuEvents QUIET = new VcpuEvents(MpState.RUNNABLE, NONE, NONE, Nmis.NONE, false, false, false);

    VcpuEvents with(MpState other) {
        return new VcpuEvents(other, exception, interrupt, nmis, smiPending, picOutput, pvUnhalted);
    }

    VcpuEvents withException(int vector) {
        return new VcpuEvents(mpState, vector, interrupt, nmis, smiPending, picOutput, pvUnhalted);
    }

    VcpuEvents withInterrupt(int vector) {
        return new VcpuEvents(mpState, exception, vector, nmis, smiPending, picOutput, pvUnhalted);
    }

    VcpuEvents with(Nmis other) {
        return new VcpuEvents(mpState, exception, interrupt, other, smiPending, picOutput, pvUnhalted);
    }

    /** {@code process_smi}, and its end. */
    VcpuEvents withSmiPending(boolean pending) {
        return new VcpuEvents(mpState, exception, interrupt, nmis, pending, picOutput, pvUnhalted);
    }

    VcpuEvents withPicOutput(int level) {
        return new VcpuEvents(mpState, exception, interrupt, nmis, smiPending, level != 0, pvUnhalted);
    }

    /** {@code pv_unhalted}: how a remote read wakes a vCPU, and how KVM takes note that it did. */
    VcpuEvents withPvUnhalted(boolean unhalted) {
        return new VcpuEvents(mpState, exception, interrupt, nmis, smiPending, picOutput, unhalted);
    }

    /** After INIT: nothing is on its way into the guest; {@code kvm_vcpu_reset}. */
    VcpuEvents reset() {
        return new VcpuEvents(mpState, NONE, NONE, Nmis.NONE, false, picOutput, pvUnhalted);
    }

    /** What KVM_GET_MP_STATE reports: a vCPU that a remote read has woken counts as runnable before it runs. */
    public MpState reportedMpState() {
        return mpState.isHalted() && pvUnhalted ? MpState.RUNNABLE : mpState;
    }
}
