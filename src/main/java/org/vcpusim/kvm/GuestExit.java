package org.vcpusim.kvm;

import org.vcpusim.arch.ExitReason;

/**
 * Why the guest left, and what it was doing.
 *
 * @param qualification the exit qualification
 * @param interruptionInformation VM_EXIT_INTR_INFO
 * @param action the instruction that caused it, a NOP where none did
 */
record GuestExit(ExitReason reason, long qualification, int interruptionInformation, GuestAction action) {
    static GuestExit of(ExitReason reason, GuestAction action) {
        return new GuestExit(reason, 0, 0, action);
    }

    static GuestExit of(ExitReason reason) {
        return of(reason, GuestAction.Plain.NOP);
    }
}
