package org.vcpusim.check;

import java.util.List;
import java.util.stream.Stream;
import org.vcpusim.kvm.VcpuRequest;

/**
 * A part of the machine that events change and rules look at.
 *
 * @param owner the vCPU or pin, {@link #ANY} or {@link #ITS}
 * @param detail a vector or the bit of a request, or {@link #ANY}
 */
public record Thing(Kind kind, int owner, int detail) {
    /** Every owner, or every detail. */
    public static final int ANY = -1;

    /** The vCPU or pin that a violation is about. */
    public static final int ITS = -2;

    /** What kind of part. */
    public enum Kind {
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
        /** How a local APIC is addressed, and whether it is enabled. */
        IDENTITY,
        /** The inputs of the PIC. */
        PIC,
        /** All else about a vCPU. */
        OTHER
    }

    /** All of the parts of {@code kind} that {@code owner} has. */
    public static Thing of(Kind kind, int owner) {
        return new Thing(kind, owner, ANY);
    }

    /** The bit of {@code request} of {@code vcpu}. */
    public static Thing request(int vcpu, VcpuRequest request) {
        return new Thing(Kind.REQUEST, vcpu, request.ordinal());
    }

    /** Parts of {@code kinds} of what a violation is about. */
    static List<Thing> its(Kind... kinds) {
        return Stream.of(kinds).map(kind -> of(kind, ITS)).toList();
    }

    /** All parts of {@code kinds}, whosever they are. */
    static List<Thing> any(Kind... kinds) {
        return Stream.of(kinds).map(kind -> of(kind, ANY)).toList();
    }

    /** Those of {@code some}, and {@code more}. */
    public static List<Thing> and(List<Thing> some, List<Thing> more) {
        return Stream.concat(some.stream(), more.stream()).toList();
    }

    /** This part where {@code vcpu} and {@code pin} are what a violation is about, or {@link #ANY}. */
    public Thing about(int vcpu, int pin) {
        boolean ofPin = kind == Kind.ENTRY || kind == Kind.LINE;
        return owner == ITS ? new Thing(kind, ofPin ? pin : vcpu, detail) : this;
    }

    /** Whether they have a part in common. */
    public boolean meets(Thing other) {
        return kind == other.kind && meets(owner, other.owner) && meets(detail, other.detail);
    }

    /** Whether all of {@code other} is a part of this. */
    public boolean covers(Thing other) {
        return kind == other.kind && covers(owner, other.owner) && covers(detail, other.detail);
    }

    private static boolean meets(int a, int b) {
        return a == ANY || b == ANY || a == b;
    }

    private static boolean covers(int a, int b) {
        return a == ANY || a == b;
    }
}
