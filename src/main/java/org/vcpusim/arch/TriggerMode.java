package org.vcpusim.arch;

/** Whether an interrupt is edge- or level-triggered. SDM volume 3, "Trigger Mode Register (TMR)". */
public enum TriggerMode {
    /** A message per rising edge. */
    EDGE,
    /** A message while the line is high and no EOI is owed. */
    LEVEL;

    /** The mode that the trigger bit selects: 0 edge, 1 level. */
    public static TriggerMode ofBit(long bit) {
        return bit == 0 ? EDGE : LEVEL;
    }

    /** The trigger bit: 0 or 1. */
    public int bit() {
        return ordinal();
    }

    /** The name that the kernel's tracepoints print. */
    public String traceName() {
        return this == EDGE ? "edge" : "level";
    }
}
