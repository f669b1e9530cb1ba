package org.vcpusim.arch;

/** The ICR's destination shorthand, bits 19:18. SDM volume 3, "Interrupt Command Register (ICR)". */
public enum DestinationShorthand {
    /** The destination field says where. */
    NONE("dst"),
    /** The sender only. */
    SELF("self"),
    /** Every local APIC. */
    ALL("all"),
    /** Every local APIC but the sender's. */
    ALL_BUT_SELF("all-but-self");

    private static final DestinationShorthand[] BY_CODE = values();

    private final String traceName;

    DestinationShorthand(String traceName) {
        this.traceName = traceName;
    }

    /** The shorthand with this code, 0 to 3. */
    public static DestinationShorthand ofCode(int code) {
        return BY_CODE[code];
    }

    /** The name that the kernel's tracepoints print. */
    public String traceName() {
        return traceName;
    }
}
