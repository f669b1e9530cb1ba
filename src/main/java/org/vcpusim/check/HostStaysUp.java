package org.vcpusim.check;

import java.util.List;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/** The host's kernel neither uses an interrupt controller that was never created nor calls itself without end. */
public final class HostStaysUp extends Invariant {
    /** One that has seen nothing. */
    public HostStaysUp() {
        super(
                "H1",
                "The host's kernel uses no interrupt controller that was never created, and does not call itself without end",
                Tracepoint.HOST_CRASHED);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.any(Kind.LINE, Kind.SENDER, Kind.ENTRY);
    }

    @Override
    public void accept(TraceRecord record) {
        if (record.event() instanceof Event.HostCrashed crash) {
            violated(record, "the host's kernel " + how(crash.how()), "");
        }
    }

    private static String how(Event.HostCrash how) {
        return switch (how) {
            case NO_LOCAL_APIC -> "used a local APIC that was never created";
            case NO_IOAPIC -> "used an IOAPIC that was never created";
            case STACK_OVERFLOW -> "called itself until its stack was used up";
        };
    }
}
