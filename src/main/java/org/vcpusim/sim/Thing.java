package org.vcpusim.sim;

/**
 * A part of the machine that events change and rules look at.
 *
 * @param owner the vCPU or pin, or {@link #ANY}
 * @param detail a vector or the bit of a request, or {@link #ANY}
 */
record Thing(Kind kind, int owner, int detail) {
    /** Every owner, or every detail. */
    static final int ANY = -1;

    /** What kind of part. */
    enum Kind {
        /** A bit of a vCPU's requests. */
        REQUEST,
        /** Whether a vCPU is in the guest. */
        MODE,
        /** Whether somebody makes a vCPU look: IPIs sent, and not sent. */
        KICK,
        /** EOI_EXIT_BITMAP0 to 3 of a vCPU. */
        BITMAP,
        /** What a vCPU handles, from its last scan. */
        HANDLED,
        /** The redirection entry of a pin, as guests write it. */
        ENTRY,
        /** Line and remote IRR of a pin. */
        LINE,
        /** Who interrupts with a vector. */
        SENDER,
        /** A vector in a local APIC: posted, requested, in service or ended. */
        VECTOR,
        /** The posted-interrupt descriptor of a vCPU. */
        POSTED,
        /** Whether a vCPU sleeps. */
        SLEEP,
        /** The processor on which a vCPU runs. */
        PLACE,
        /** Whether APICv is active for a vCPU. */
        APICV,
        /** Why APICv is off for the VM. */
        INHIBITS,
        /** The SynIC of a vCPU. */
        SYNIC,
        /** Whether a vCPU runs L2. */
        NESTED,
        /** The posted-interrupt descriptor of L2, and what KVM has noted of it. */
        NESTED_POSTED,
        /** Where GSIs lead. */
        ROUTING,
        /** Who owes pin 8 an EOI. */
        RTC,
        /** All else about a vCPU. */
        OTHER
    }

    static Thing of(Kind kind, int owner) {
        return new Thing(kind, owner, ANY);
    }

    /** Whether they have a part in common. */
    boolean meets(Thing other) {
        return kind == other.kind && meets(owner, other.owner) && meets(detail, other.detail);
    }

    /** Whether all of {@code other} is a part of this. */
    boolean covers(Thing other) {
        return kind == other.kind && covers(owner, other.owner) && covers(detail, other.detail);
    }

    private static boolean meets(int a, int b) {
        return a == ANY || b == ANY || a == b;
    }

    private static boolean covers(int a, int b) {
        return a == ANY || a == b;
    }
}
