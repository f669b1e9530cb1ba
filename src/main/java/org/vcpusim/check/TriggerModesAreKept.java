package org.vcpusim.check;

import java.util.List;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;

/**
 * TMR has a vector's bit if and only if the last message that was accepted for it was level-triggered.
 *
 * <p>Models {@code __apic_accept_irq}, arch/x86/kvm/lapic.c, the only place where TMR changes. What is posted by a device or sent by
 * a guest to itself passes it by.
 */
public final class TriggerModesAreKept extends Invariant {
    private final LocalApics apics;

    /** One that has seen nothing. */
    public TriggerModesAreKept() {
        this(new LocalApics());
    }

    TriggerModesAreKept(LocalApics apics) {
        super(
                "P6",
                "TMR has a vector's bit if and only if the last message accepted for it was level-triggered",
                LocalApics.tracepointsAnd());
        this.apics = apics;
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.VECTOR, Kind.POSTED);
    }

    @Override
    public void accept(TraceRecord record) {
        LocalApics.State state = apics.before(record, ((Event.OfVcpu) record.event()).vcpu());
        if (record.event() instanceof Event.InterruptStateLoaded loaded
                && state.known()
                && !loaded.tmr().equals(state.tmr())) {
            violated(
                    record,
                    "TMR of vcpu" + loaded.vcpu() + " is not what the accepted messages make of it",
                    BitmapDifference.of(loaded.tmr(), state.tmr()));
        }
    }
}
