package org.vcpusim.check;

import java.util.Arrays;
import java.util.List;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Ioapic;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * An unmasked level pin whose line is asserted interrupts, and again after each EOI, as long as a local APIC takes it.
 *
 * <p>Looked at when nothing moves any more: such a pin then waits for an EOI, which is another invariant's matter, and is never
 * merely high. A pin that has a resampler is low from its unmasking on, until the resampler says otherwise. Models {@code ioapic_set_irq}, {@code ioapic_write_indirect} and {@code kvm_ioapic_update_eoi_one},
 * arch/x86/kvm/ioapic.c. Not judged are pins that nobody took the last interrupt of, because the local APIC was disabled, say: the
 * IOAPIC does not try again before the line or the entry changes.
 */
public final class LevelLinesInterrupt extends Invariant {
    private final ObservedMachine machine;
    private final TraceRecord[] raisedBy = new TraceRecord[Ioapic.PINS];
    private int raised;
    private int untaken;
    private int reported;

    /** One that has seen nothing but what {@code machine} has. */
    LevelLinesInterrupt(ObservedMachine machine) {
        super(
                "L1",
                "An unmasked level pin whose line stays asserted interrupts, and again after each EOI",
                Tracepoint.KVM_IOAPIC_SET_IRQ,
                Tracepoint.IOAPIC_STATE_RESTORED,
                Tracepoint.IOAPIC_REDIR_WRITE,
                Tracepoint.IOAPIC_SERVICE,
                Tracepoint.REMOTE_IRR_SET,
                Tracepoint.VCPU_AUDIT);
        this.machine = machine;
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.ENTRY, Kind.LINE);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.IoapicIrqSet set) {
            int bit = 1 << set.pin();
            if (set.raised() && (raised & bit) == 0) {
                raisedBy[set.pin()] = record;
            }
            raised = set.raised() ? raised | bit : raised & ~bit;
        } else if (event instanceof Event.IoapicStateRestored restored) {
            raised = restored.irr();
            Arrays.fill(raisedBy, record);
        } else if (event instanceof Event.RedirectionEntryWritten write) {
            boolean unmasked = write.before().masked() && !write.after().masked();
            raised &= unmasked && machine.table.isNotified(write.pin()) ? ~(1 << write.pin()) : -1;
        } else if (event instanceof Event.IoapicServiced serviced) {
            untaken |= 1 << serviced.pin();
        } else if (event instanceof Event.RemoteIrrSet set) {
            int bit = 1 << set.pin();
            untaken = set.taken() > 0 ? untaken & ~bit : untaken | bit;
        } else {
            audited(record);
        }
    }

    private void audited(TraceRecord record) {
        for (int rest = raised & ~untaken & ~reported; rest != 0; rest &= rest - 1) {
            int pin = Integer.numberOfTrailingZeros(rest);
            RedirectionEntry entry = machine.entry(pin);
            boolean ready = entry.triggerMode() == TriggerMode.LEVEL && !entry.masked() && !entry.remoteIrr();
            if (machine.isKnown() && ready && isTaken(entry)) {
                reported |= 1 << pin;
                violated(
                        record,
                        raisedBy[pin],
                        "the line of pin " + pin + " is asserted, and it does not interrupt",
                        "its entry is " + BitWords.entry(entry),
                        null);
            }
        }
    }

    private boolean isTaken(RedirectionEntry entry) {
        boolean vectored = entry.deliveryMode().isVectored();
        for (ObservedVcpu vcpu : machine.vcpus()) {
            if (vectored
                    && vcpu.accepts()
                    && vcpu.identity != null
                    && machine.rule().leadsTo(vcpu.identity, entry)) {
                return true;
            }
        }
        return false;
    }
}
