package org.vcpusim.arch;

import java.util.Optional;

/**
 * What kind of access to the APIC-access page caused an APIC-access exit.
 *
 * <p>Models bits 15:12 of the exit qualification: SDM vol. 3C, "Basic VM-Exit Information" (28.2.1), table "Exit
 * Qualification for APIC-Access VM Exits from Linear Accesses and Guest-Physical Accesses".
 */
public enum ApicAccessType {
    /** Linear access for a data read during instruction execution. */
    LINEAR_READ(0),
    /** Linear access for a data write during instruction execution. */
    LINEAR_WRITE(1),
    /** Linear access for an instruction fetch. */
    LINEAR_FETCH(2),
    /** Linear access during event delivery. */
    LINEAR_EVENT_DELIVERY(3),
    /** Guest-physical access during event delivery. */
    GUEST_PHYSICAL_EVENT_DELIVERY(10),
    /** Guest-physical access for an instruction fetch or during instruction execution. */
    GUEST_PHYSICAL_INSTRUCTION(15);

    private static final ApicAccessType[] TYPES = values();

    private final int number;

    ApicAccessType(int number) {
        this.number = number;
    }

    /** Returns the value of bits 15:12 of the exit qualification: 0 to 15. */
    public int number() {
        return number;
    }

    /**
     * Finds the type with a number.
     *
     * @param number any int; the reserved values and all beyond 15 find none
     */
    public static Optional<ApicAccessType> ofNumber(int number) {
        for (ApicAccessType type : TYPES) {
            if (type.number == number) {
                return Optional.of(type);
            }
        }
        return Optional.empty();
    }
}
