package org.vcpusim.check;

import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Ioapic;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * What is saved of the IOAPIC names the edges that wait and none that was delivered, and when it is restored every line that it names is
 * raised; none counts as high before.
 *
 * <p>Models {@code kvm_get_ioapic}, and {@code kvm_ioapic_inject_all} at the end of {@code kvm_set_ioapic}, arch/x86/kvm/ioapic.c.
 * That a line was raised shows when the pin reports it, which has to be before nothing moves any more.
 */
public final class RestoredLinesInterrupt extends Invariant {
    private final SortedSet<Integer> notRaised = new TreeSet<>();
    /** The edge pins that have interrupted since their line was set last, a bit a pin. */
    private int served;
    /** Those whose last edge was delivered. */
    private int delivered;
    /** Those whose last edge waits. */
    private int waiting;
    /** Those whose line has not been set since the restore, a bit a pin. */
    private int untouched;

    /** One that has seen nothing. */
    public RestoredLinesInterrupt() {
        super(
                "I13",
                "What is saved of the IOAPIC names the edges that wait and none that was delivered, and when it is restored every line that it names is raised, and none counts as high already",
                Tracepoint.IOAPIC_STATE_SAVED,
                Tracepoint.IOAPIC_STATE_RESTORED,
                Tracepoint.KVM_IOAPIC_SET_IRQ,
                Tracepoint.IOAPIC_SERVICE,
                Tracepoint.IOAPIC_REDIR_WRITE,
                Tracepoint.EOI_EXITMAP_AUDIT);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.LINE);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.IoapicStateSaved saved) {
            saved(record, saved);
        } else if (event instanceof Event.IoapicStateRestored restored) {
            notRaised.clear();
            notRaised.addAll(pins(restored.irr()));
            served = 0;
            delivered = 0;
            waiting = 0;
            untouched = -1;
        } else if (event instanceof Event.IoapicIrqSet set) {
            firstSet(record, set);
            lineSet(set);
        } else if (event instanceof Event.IoapicServiced service) {
            int pin = 1 << service.pin();
            served = service.entry().triggerMode() == TriggerMode.EDGE ? served | pin : served & ~pin;
            waiting &= ~pin;
        } else if (event instanceof Event.RedirectionEntryWritten write) {
            waiting &= ~(1 << write.pin());
        } else if (event instanceof Event.EoiExitBitmapAudited) {
            notRaised.forEach(pin ->
                    violated(record, "pin " + pin + " was restored as pending, and its line was never raised", ""));
            notRaised.clear();
        }
    }

    /** Behind a restore no rise is a second one. */
    private void firstSet(TraceRecord record, Event.IoapicIrqSet set) {
        int pin = 1 << set.pin();
        boolean second = set.coalesced() && (served & pin) == 0 && set.entry().triggerMode() == TriggerMode.EDGE;
        boolean lost = second && set.raised() && set.pin() != Ioapic.RTC_PIN && (untouched & pin) != 0;
        untouched &= ~pin;
        if (!lost) {
            notRaised.remove(set.pin());
        } else if (!notRaised.contains(set.pin())) {
            violated(record, "the line of pin " + set.pin() + " rose after a restore, and counted as high already", "");
        }
    }

    /** A tick of the RTC that coalesces leaves its line as it was. */
    private void lineSet(Event.IoapicIrqSet set) {
        int pin = 1 << set.pin();
        if (set.raised() && set.pin() != Ioapic.RTC_PIN) {
            boolean edge = set.entry().triggerMode() == TriggerMode.EDGE;
            delivered = delivered & ~pin | served & pin;
            waiting = edge ? waiting & ~pin | pin & ~served : waiting & ~pin;
        } else {
            waiting &= ~pin;
        }
        served &= ~pin;
    }

    private void saved(TraceRecord record, Event.IoapicStateSaved saved) {
        for (int pin : pins(saved.irr() & (saved.delivered() | delivered | served))) {
            violated(record, "pin " + pin + " was saved as pending, and its edge was delivered", "");
        }
        for (int pin : pins(waiting & ~saved.irr())) {
            violated(record, "the edge of pin " + pin + " waits, and was not saved", "");
        }
    }

    private static List<Integer> pins(int bits) {
        return IntStream.range(0, Ioapic.PINS)
                .filter(pin -> (bits & 1 << pin) != 0)
                .boxed()
                .toList();
    }
}
