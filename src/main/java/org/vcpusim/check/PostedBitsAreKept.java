package org.vcpusim.check;

import java.util.List;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;

/**
 * A request in PIR goes to IRR, and nowhere else: who takes what was posted takes all of it and nothing besides, and every look
 * at the descriptor shows what was set and not taken since.
 *
 * <p>Models PIR's atomic exchange in {@code vmx_sync_pir_to_irr}, arch/x86/kvm/vmx/vmx.c, and SDM volume 3, "Posted-Interrupt
 * Processing". Only INIT and KVM_SET_LAPIC clear it otherwise.
 */
public final class PostedBitsAreKept extends Invariant {
    private final LocalApics apics;

    /** One that has seen nothing. */
    public PostedBitsAreKept() {
        this(new LocalApics());
    }

    PostedBitsAreKept(LocalApics apics) {
        super("P1", "A request in PIR stays there until it goes to IRR", LocalApics.tracepointsAnd());
        this.apics = apics;
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.VECTOR, Kind.POSTED, Kind.KICK, Kind.PLACE);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        int vcpu = ((Event.OfVcpu) event).vcpu();
        LocalApics.State state = apics.before(record, vcpu);
        if (!state.known()) {
            return;
        }
        if (event instanceof Event.InterruptStateLoaded loaded) {
            compare(record, vcpu, loaded.descriptor().pir(), state.pir());
            return;
        }
        if (event instanceof Event.GuestEntered && !state.loaded()) {
            compare(record, vcpu, VectorBitmap.EMPTY, state.pir());
        } else if (event instanceof Event.PostedInterruptsSynced synced) {
            compare(record, vcpu, synced.taken(), state.pir());
        } else if (event instanceof Event.PostedInterruptSet posted) {
            if (posted.coalesced() != state.pir().get(posted.vector())) {
                violated(
                        record,
                        "whether vector " + Vectors.hex(posted.vector()) + " was posted already is told wrongly",
                        "");
            }
        } else if (event instanceof Event.VcpuAudited audited) {
            compare(record, vcpu, audited.pir(), state.pir());
        }
    }

    @SuppressWarnings("TooManyParameters") // what is there and what should be
    private void compare(TraceRecord record, int vcpu, VectorBitmap found, VectorBitmap posted) {
        if (!found.equals(posted)) {
            violated(
                    record,
                    "what is posted to vcpu" + vcpu + " is not what was posted to it",
                    BitmapDifference.of(found, posted));
        }
    }
}
