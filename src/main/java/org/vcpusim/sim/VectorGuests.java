package org.vcpusim.sim;

import java.util.List;
import org.vcpusim.kvm.Guest;
import org.vcpusim.kvm.GuestAction;
import org.vcpusim.kvm.GuestAction.Plain;
import org.vcpusim.kvm.Program;

/** The software that the recording program ran on its vCPUs, operation by operation. */
final class VectorGuests {
    private static final int NMI = 2;
    private static final Program<GuestAction> STOP = Program.of(List.of(Plain.EXIT_TO_USERSPACE));

    private VectorGuests() {}

    /** Does {@code actions} and stops; handlers stop too, but the one for NMIs returns. */
    static Guest.Software doing(GuestAction... actions) {
        List<GuestAction> all = new java.util.ArrayList<>(List.of(actions));
        all.add(Plain.EXIT_TO_USERSPACE);
        Guest.Handler nmi = new Guest.Handler(NMI, Program.of(List.of()));
        return new Guest.Software(Program.of(all), List.of(nmi), STOP, STOP, STOP);
    }

    /** Interrupts on for a moment. */
    static Guest.Software running() {
        return doing(Plain.STI, Plain.NOP, Plain.NOP, Plain.NOP, Plain.CLI);
    }

    /** HLT with interrupts on. */
    static Guest.Software halting() {
        return doing(Plain.STI, Plain.HLT, Plain.NOP, Plain.CLI);
    }
}
