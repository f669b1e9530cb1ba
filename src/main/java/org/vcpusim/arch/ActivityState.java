package org.vcpusim.arch;

/**
 * Whether a logical processor executes instructions, and if not, why.
 *
 * <p>Models {@link VmcsField#GUEST_ACTIVITY_STATE}: SDM vol. 3C, "Guest Non-Register State" (25.4.2); the constants are
 * in the order of the field's values 0 to 3.
 */
public enum ActivityState {
    /** Executes instructions. */
    ACTIVE,
    /** Halted by HLT; an interrupt wakes it. */
    HLT,
    /** After a triple fault; an interrupt does not wake it. */
    SHUTDOWN,
    /** Waits for a start-up IPI; nothing else wakes it. */
    WAIT_FOR_SIPI
}
