package org.vcpusim.check;

import java.util.List;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Ioapic;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * When a level pin's line has been set, it counts as asserted if and only if some source asserts it, and one source has changed.
 *
 * <p>Models {@code kvm_ioapic_set_irq}, arch/x86/kvm/ioapic.c, where {@code irq_states} and {@code irr} change under one lock.
 * KVM_SET_IRQCHIP raises lines that no source asserts, and a tick of the RTC that coalesces leaves its line alone; these are not
 * judged. Whoever sets a line sets or clears the bit of one source.
 */
public final class LineFollowsItsSources extends Invariant {
    private final ObservedMachine machine;
    /** The sources of each pin when its line was set last. */
    private final int[] sources = new int[Ioapic.PINS];
    /** The pins whose line was set before, a bit a pin. */
    private int known;
    /** The pins whose line counted as high then, a bit a pin. */
    private int raised;

    /** One that has seen nothing but what {@code machine} has. */
    LineFollowsItsSources(ObservedMachine machine) {
        super(
                "I8",
                "When a level pin's line has been set, it counts as asserted if and only if some source asserts it, and one source has changed; a second rise of an edge pin is coalesced",
                Tracepoint.KVM_IOAPIC_SET_IRQ);
        this.machine = machine;
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.LINE);
    }

    @Override
    public void accept(TraceRecord record) {
        if (record.event() instanceof Event.IoapicIrqSet set) {
            changed(record, set);
            coalesced(record, set);
            if (set.entry().triggerMode() == TriggerMode.LEVEL) {
                judged(record, set);
            }
        }
    }

    private void changed(TraceRecord record, Event.IoapicIrqSet set) {
        boolean before = (known & 1 << set.pin()) != 0;
        known |= 1 << set.pin();
        if (before && Integer.bitCount(sources[set.pin()] ^ set.sources()) > 1) {
            violated(
                    record,
                    "setting the line of pin " + set.pin() + " changed several of its sources",
                    "sources before: " + BitWords.numbers(sources[set.pin()]) + "; now: "
                            + BitWords.numbers(set.sources()));
        }
        sources[set.pin()] = set.sources();
    }

    /** A line that falls is never coalesced, nor is a masked pin; an edge pin is where its line was high already. */
    private void coalesced(TraceRecord record, Event.IoapicIrqSet set) {
        boolean edge = set.entry().triggerMode() == TriggerMode.EDGE;
        boolean again = edge && set.raised() && (raised & 1 << set.pin()) != 0;
        boolean taken = !set.raised() || set.entry().masked() && !edge;
        boolean wrong = set.coalesced() ? taken : again;
        if (wrong && set.pin() != Ioapic.RTC_PIN && !machine.isRestored()) {
            violated(
                    record,
                    "setting the line of pin " + set.pin() + " is "
                            + (again ? "not told as coalesced" : "told as coalesced"),
                    "");
        }
        raised = set.raised() ? raised | 1 << set.pin() : raised & ~(1 << set.pin());
    }

    private void judged(TraceRecord record, Event.IoapicIrqSet set) {
        boolean restored = machine.isRestored() && set.sources() == 0 && set.raised();
        boolean asserted = set.sources() != 0;
        if (asserted != set.raised() && !restored && set.pin() != Ioapic.RTC_PIN) {
            violated(
                    record,
                    "the line of pin " + set.pin()
                            + (asserted ? " is low though a source asserts it" : " stays high without a source"),
                    "asserted by " + BitWords.numbers(set.sources()));
        }
    }
}
