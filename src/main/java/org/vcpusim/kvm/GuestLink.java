package org.vcpusim.kvm;

/**
 * What the processor knows of the guest software it runs: the flags that decide about interrupts, and what to tell it when it
 * is asked for the next instruction.
 *
 * @param interruptsEnabled RFLAGS.IF
 * @param shadow interrupts are blocked for one instruction after STI
 * @param retired the last instruction is done and the guest was not told yet
 * @param value what the last read returned
 * @param vector what was taken and the guest was not told yet, or -1
 * @param fetches how many instructions were asked for; numbers the last request
 * @param savedFlags RFLAGS.IF of the interrupted levels, the innermost in bit 0
 * @param rip instruction pointer, as far as a simulated program has one
 */
public record GuestLink(
        boolean interruptsEnabled,
        boolean shadow,
        boolean retired,
        long value,
        int vector,
        int fetches,
        long savedFlags,
        long rip) {
    private static final long FIRST_RIP = 0xffffffff81000000L;
    private static final int INSTRUCTION_BYTES = 2;

    /** Before the first instruction, interrupts off. */
    public static final GuestLink START = at(FIRST_RIP);

    /** Before a first instruction at {@code rip}, interrupts off. */
    static GuestLink at(long rip) {
        return new GuestLink(false, false, false, 0, -1, 0, 0, rip);
    }

    /** Whether the processor takes maskable interrupts now. */
    boolean interruptible() {
        return interruptsEnabled && !shadow;
    }

    GuestLink asked() {
        return new GuestLink(interruptsEnabled, shadow, false, value, -1, fetches + 1, savedFlags, rip);
    }

    GuestLink retiring() {
        return retiredWith(value);
    }

    GuestLink retiredWith(long read) {
        return new GuestLink(
                interruptsEnabled, false, true, read, vector, fetches, savedFlags, rip + INSTRUCTION_BYTES);
    }

    /** After an exit's instruction was emulated, unless the processor has carried it out itself. */
    GuestLink completed(long read) {
        return retired ? this : retiredWith(read);
    }

    /** The guest has been told of what was retired and taken. */
    GuestLink told() {
        return new GuestLink(interruptsEnabled, shadow, false, value, -1, fetches, savedFlags, rip);
    }

    GuestLink taking(int taken) {
        long saved = savedFlags << 1 | (interruptsEnabled ? 1 : 0);
        return new GuestLink(false, false, retired, value, taken, fetches, saved, rip);
    }

    GuestLink withInterrupts() {
        boolean wasOff = !interruptsEnabled;
        return new GuestLink(true, wasOff, retired, value, vector, fetches, savedFlags, rip);
    }

    /** RFLAGS.IF as it was before the handler that returns. */
    GuestLink returned() {
        return new GuestLink((savedFlags & 1) != 0, false, retired, value, vector, fetches, savedFlags >>> 1, rip);
    }

    GuestLink withInterruptsAtOnce() {
        return new GuestLink(true, false, retired, value, vector, fetches, savedFlags, rip);
    }

    GuestLink withoutInterrupts() {
        return new GuestLink(false, false, retired, value, vector, fetches, savedFlags, rip);
    }

    /** With the numbering of requests carried on from {@code other}, whose level of virtualization stops. */
    GuestLink resumedAfter(GuestLink other) {
        return new GuestLink(interruptsEnabled, shadow, retired, value, vector, other.fetches, savedFlags, rip);
    }

    /** Behind the instruction, which is not reported as done. */
    GuestLink skipped() {
        return new GuestLink(
                interruptsEnabled, shadow, retired, value, vector, fetches, savedFlags, rip + INSTRUCTION_BYTES);
    }

    GuestLink reset() {
        return new GuestLink(false, false, false, 0, -1, fetches, 0, FIRST_RIP);
    }
}
