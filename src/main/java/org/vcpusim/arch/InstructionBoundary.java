package org.vcpusim.arch;

/**
 * What the guest's state between two instructions says about taking an interrupt.
 *
 * <p>Models the conditions of SDM vol. 3C, "Virtual-Interrupt Delivery" (30.2.2), that are not controls. In the
 * guest-state area they are bit 9 of {@link VmcsField#GUEST_RFLAGS}, bits 0 and 1 of
 * {@link VmcsField#GUEST_INTERRUPTIBILITY_INFO}, and {@link VmcsField#GUEST_ACTIVITY_STATE}.
 *
 * @param interruptFlag RFLAGS.IF
 */
public record InstructionBoundary(boolean interruptFlag, Blocking blocking, ActivityState activity) {

    private static final long RFLAGS_IF = 1 << 9;
    private static final ActivityState[] ACTIVITIES = ActivityState.values();

    /** What the instruction before this boundary blocks, for one instruction. */
    public enum Blocking {
        /** Nothing. */
        NONE,
        /** It was an STI that set RFLAGS.IF. */
        STI,
        /** It was a MOV SS or POP SS. */
        MOV_SS
    }

    /** The boundary a VM entry with this guest state arrives at. */
    public static InstructionBoundary of(Vmcs vmcs) {
        long info = vmcs.read(VmcsField.GUEST_INTERRUPTIBILITY_INFO);
        Blocking blocking = (info & 1) != 0 ? Blocking.STI : (info & 2) != 0 ? Blocking.MOV_SS : Blocking.NONE;
        return new InstructionBoundary(
                (vmcs.read(VmcsField.GUEST_RFLAGS) & RFLAGS_IF) != 0,
                blocking,
                ACTIVITIES[(int) vmcs.read(VmcsField.GUEST_ACTIVITY_STATE) & 3]);
    }

    /** Whether an interrupt can be taken here: nothing blocks it, and the processor runs or is halted by HLT. */
    public boolean isOpen() {
        return interruptFlag
                && blocking == Blocking.NONE
                && (activity == ActivityState.ACTIVE || activity == ActivityState.HLT);
    }
}
