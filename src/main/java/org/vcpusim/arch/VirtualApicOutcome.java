package org.vcpusim.arch;

/**
 * How an operation that APIC virtualization looks at ends.
 *
 * <p>Models the cases of SDM vol. 3C, "APIC Virtualization and Virtual Interrupts" (30).
 */
public sealed interface VirtualApicOutcome {

    /** The operation completed with nothing to return. */
    VirtualApicOutcome DONE = new Completed(0);

    /**
     * The processor did it all; the guest goes on.
     *
     * @param value what a read returned, zero-extended; 0 for anything else
     */
    record Completed(long value) implements VirtualApicOutcome {}

    /**
     * The guest stops.
     *
     * @param qualification as {@link ExitQualification} lays it out; 0 where the reason has none
     */
    record VmExit(ExitReason reason, long qualification) implements VirtualApicOutcome {
        /** Whether the instruction is complete: RIP is behind it, and what it changed is changed. */
        public boolean isTrapLike() {
            return switch (reason) {
                case TPR_BELOW_THRESHOLD, EOI_INDUCED, APIC_WRITE -> true;
                default -> false;
            };
        }
    }

    /** The instruction raises #GP(0) and changed nothing. */
    record GeneralProtection() implements VirtualApicOutcome {}

    /** No control speaks of the operation: it acts on memory or on the physical local APIC, as without VMX. */
    record NotVirtualized() implements VirtualApicOutcome {}

    /**
     * The write is stored, and the processor goes on to post an IPI: it looks the descriptor up in the table at
     * {@link VmcsField#PID_POINTER_TABLE}, sets PIR, and sends the notification if neither ON nor SN is set. An entry
     * that is not valid causes an {@link ExitReason#APIC_WRITE} exit with offset 0x300 instead. SDM vol. 3C, "IPI
     * Virtualization" (30.1.6).
     *
     * @param vector 16 to 255
     * @param apicId index into the table, not above the last PID-pointer index
     */
    record IpiVirtualization(int vector, int apicId) implements VirtualApicOutcome {}
}
