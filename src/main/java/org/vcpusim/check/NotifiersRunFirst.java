package org.vcpusim.check;

import java.util.List;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Ioapic;
import org.vcpusim.trace.Source;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * An EOI lets a pin's ack notifiers run before it ends the pin's interrupt.
 *
 * <p>Models {@code kvm_ioapic_update_eoi_one}, arch/x86/kvm/ioapic.c: a resampler lowers the line, or the pin would interrupt for it once
 * more. Several vCPUs may end one pin's interrupt at once, and an EOI that finds no remote IRR ends nothing: no pin is ended more
 * often than it was acknowledged.
 */
public final class NotifiersRunFirst extends Invariant {
    private final int[] acknowledged = new int[Ioapic.PINS];
    private boolean known;

    /** One that has seen nothing. */
    public NotifiersRunFirst() {
        super(
                "E5",
                "An EOI lets a pin's ack notifiers run before it ends the pin's interrupt",
                Tracepoint.VM_CREATED,
                Tracepoint.KVM_ACK_IRQ,
                Tracepoint.REMOTE_IRR_CLEARED);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.LINE);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.VmCreated) {
            known = true;
        } else if (event instanceof Event.IrqAcknowledged acked) {
            if (acked.chip() == Event.IrqChip.IOAPIC) {
                acknowledged[acked.pin()]++;
            }
        } else if (event instanceof Event.RemoteIrrCleared ended) {
            boolean inKernel = record.source().kind() != Source.Kind.USERSPACE;
            if (known && inKernel && acknowledged[ended.pin()] == 0) {
                violated(record, "the interrupt of pin " + ended.pin() + " ends before its ack notifiers have run", "");
            }
            acknowledged[ended.pin()] -= acknowledged[ended.pin()] > 0 ? 1 : 0;
        }
    }
}
