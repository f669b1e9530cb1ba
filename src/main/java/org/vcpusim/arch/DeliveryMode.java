package org.vcpusim.arch;

/**
 * What an interrupt message asks the local APIC to do, by its three-bit code.
 *
 * <p>Source: SDM volume 3, "Interrupt Command Register (ICR)" and "Local Vector Table"; the names in traces are those of
 * the kernel's {@code kvm_deliver_mode} table (arch/x86/kvm/trace.h). Code 3 is reserved in the SDM; KVM uses it as
 * remote read.
 */
public enum DeliveryMode {
    /** Deliver the vector to every destination. */
    FIXED("Fixed"),
    /** Deliver the vector to one of the destinations. */
    LOWEST_PRIORITY("LowPrio"),
    /** System-management interrupt. */
    SMI("SMI"),
    /** Reserved by the SDM; KVM's remote read, which only reports acceptance. */
    REMOTE_READ("Res3"),
    /** Non-maskable interrupt. */
    NMI("NMI"),
    /** INIT. */
    INIT("INIT"),
    /** Start-up IPI. */
    SIPI("SIPI"),
    /** An interrupt whose vector an external controller supplies. */
    EXTINT("ExtINT");

    private static final DeliveryMode[] BY_CODE = values();

    private final String traceName;

    DeliveryMode(String traceName) {
        this.traceName = traceName;
    }

    /** The mode with this code, 0 to 7. */
    public static DeliveryMode ofCode(int code) {
        return BY_CODE[code];
    }

    /** The three-bit code: bits 10:8 of a redirection entry, an LVT entry, the ICR or an MSI's data. */
    public int code() {
        return ordinal();
    }

    /** The name that the kernel's tracepoints print. */
    public String traceName() {
        return traceName;
    }

    /** Whether the message's own vector is requested in IRR. */
    public boolean isVectored() {
        return this == FIXED || this == LOWEST_PRIORITY;
    }
}
