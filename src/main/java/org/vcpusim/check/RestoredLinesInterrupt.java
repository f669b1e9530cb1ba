package org.vcpusim.check;

import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Ioapic;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * What is saved of the IOAPIC names no edge that was delivered, and when it is restored every line that it names is raised.
 *
 * <p>Models {@code kvm_get_ioapic}, and {@code kvm_ioapic_inject_all} at the end of {@code kvm_set_ioapic}, arch/x86/kvm/ioapic.c.
 * That a line was raised shows when the pin reports it, which has to be before nothing moves any more.
 */
public final class RestoredLinesInterrupt extends Invariant {
    private final SortedSet<Integer> notRaised = new TreeSet<>();

    /** One that has seen nothing. */
    public RestoredLinesInterrupt() {
        super(
                "I13",
                "What is saved of the IOAPIC names no edge that was delivered, and when it is restored every line that it names is raised",
                Tracepoint.IOAPIC_STATE_SAVED,
                Tracepoint.IOAPIC_STATE_RESTORED,
                Tracepoint.KVM_IOAPIC_SET_IRQ,
                Tracepoint.EOI_EXITMAP_AUDIT);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.IoapicStateSaved saved) {
            for (int pin : pins(saved.irr() & saved.delivered())) {
                violated(record, "pin " + pin + " was saved as pending, and its edge was delivered", "");
            }
        } else if (event instanceof Event.IoapicStateRestored restored) {
            notRaised.clear();
            notRaised.addAll(pins(restored.irr()));
        } else if (event instanceof Event.IoapicIrqSet set) {
            notRaised.remove(set.pin());
        } else if (event instanceof Event.EoiExitBitmapAudited) {
            notRaised.forEach(pin ->
                    violated(record, "pin " + pin + " was restored as pending, and its line was never raised", ""));
            notRaised.clear();
        }
    }

    private static List<Integer> pins(int bits) {
        return IntStream.range(0, Ioapic.PINS)
                .filter(pin -> (bits & 1 << pin) != 0)
                .boxed()
                .toList();
    }
}
