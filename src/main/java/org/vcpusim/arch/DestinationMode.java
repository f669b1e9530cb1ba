package org.vcpusim.arch;

/** How a destination is read: as an APIC ID or against the logical destination registers. SDM volume 3, "Determining IPI Destination". */
public enum DestinationMode {
    /** The destination is an APIC ID. */
    PHYSICAL,
    /** The destination is a message destination address, matched with LDR and DFR. */
    LOGICAL;

    /** The mode that the destination-mode bit selects: 0 physical, 1 logical. */
    public static DestinationMode ofBit(long bit) {
        return bit == 0 ? PHYSICAL : LOGICAL;
    }

    /** The name that the kernel's tracepoints print. */
    public String traceName() {
        return this == PHYSICAL ? "physical" : "logical";
    }
}
