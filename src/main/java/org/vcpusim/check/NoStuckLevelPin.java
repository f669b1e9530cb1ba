package org.vcpusim.check;

import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.ApicIdentity;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Hazard;
import org.vcpusim.kvm.Ioapic;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * No pin waits, remote IRR set, for an EOI that no local APIC will give.
 *
 * <p>While remote IRR is set, some local APIC has the vector posted, requested or in service, or a vCPU is busy with its EOI: it
 * has left the guest for it and not entered again, which includes ack notifiers, KVM_EXIT_IOAPIC_EOI and what user space does
 * about that. Looked at when remote IRR is set, when an EOI ends in the guest, at each VM entry, and when nothing moves any more.
 * It holds for the IOAPIC in the kernel and for user space's.
 *
 * <p>Known hazards: O1, the EOI ended in the guest since the bitmap was from before APICv came back; O3, the vector was rewritten
 * meanwhile; O4, nobody took the interrupt; O5, the EOI counted as one of an edge; O8, the EOI came before the vCPU was told of the
 * write. Not judged are pins whose EOI an INIT or user space took away, also on the interrupt's way to IRR, those that lead to a
 * local APIC which may suppress the broadcast of EOIs, and delivery modes without EOI.
 */
public final class NoStuckLevelPin extends Invariant {
    private static final int VECTOR = 0xff;

    private final ObservedMachine machine;
    private final Pin[] pins = new Pin[Ioapic.PINS];
    private int waiting;
    /** vCPUs that have the broadcast of EOIs suppressed and may. */
    private final Set<Integer> suppressing = new TreeSet<>();

    /** What is known of one pin since it last interrupted. */
    private static final class Pin {
        private @Nullable TraceRecord since;
        private int vector = ObservedVcpu.NONE;
        /** The entry that the interrupt was sent by. */
        private @Nullable RedirectionEntry sent;

        /** Its interrupt is on its way, and remote IRR is not set yet. */
        private boolean sending;

        private boolean untaken;
        private boolean excused;
        private boolean reported;
        private @Nullable Hazard hazard;
    }

    /** One that has seen nothing but what {@code machine} has. */
    NoStuckLevelPin(ObservedMachine machine) {
        super(
                "I7",
                "No pin waits, remote IRR set, for an EOI that no local APIC will give",
                Tracepoint.IOAPIC_TABLE_SET,
                Tracepoint.IOAPIC_SERVICE,
                Tracepoint.IOAPIC_REDIR_WRITE,
                Tracepoint.REMOTE_IRR_SET,
                Tracepoint.REMOTE_IRR_CLEARED,
                Tracepoint.EOI_VIRTUALIZED,
                Tracepoint.KVM_EOI,
                Tracepoint.EOI_FORWARDED,
                Tracepoint.KVM_APIC,
                Tracepoint.KVM_MSR,
                Tracepoint.KVM_MSI_SET_IRQ,
                Tracepoint.VCPU_RESET,
                Tracepoint.LAPIC_STATE_SET,
                Tracepoint.APIC_IDENTITY_CHANGED,
                Tracepoint.KVM_ENTRY,
                Tracepoint.VCPU_AUDIT);
        this.machine = machine;
        for (int pin = 0; pin < pins.length; pin++) {
            pins[pin] = new Pin();
        }
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.ENTRY, Kind.LINE);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.GuestEntered) {
            checkAll(record);
        } else if (event instanceof Event.EoiVirtualized eoi) {
            endedInGuest(machine.vcpu(eoi.vcpu()), eoi.vector());
            checkAll(record);
        } else if (event instanceof Event.EoiReceived eoi) {
            received(eoi);
        } else if (event instanceof Event.EoiForwarded eoi) {
            forwarded(eoi);
        } else if (event instanceof Event.IoapicServiced serviced) {
            sends(pins[serviced.pin()]);
        } else if (event instanceof Event.MsiSet msi) {
            sentByUserSpace(msi.data());
        } else if (event instanceof Event.VcpuReset reset) {
            lost(machine.vcpu(reset.vcpu()));
            suppressed(reset.vcpu(), false);
        } else if (event instanceof Event.LapicStateSet set) {
            lost(machine.vcpu(set.vcpu()));
            suppressed(set.vcpu(), Spiv.suppressesEois(set.spiv()));
        } else if (event instanceof Event.ApicIdentityChanged) {
            excuseAll();
        } else if (event instanceof Event.OfVcpu access && Spiv.written(event) != Spiv.NOT_WRITTEN) {
            written(access.vcpu(), Spiv.written(event));
        } else if (event instanceof Event.VcpuAudited) {
            atRest(record);
        } else {
            pinChanged(event, record);
        }
    }

    /** A guest may suppress broadcasts with the IOAPIC in user space, which has an EOI register; else only user space can say so. */
    private void written(int vcpu, long spiv) {
        suppressed(vcpu, machine.isSplit() && Spiv.suppressesEois(spiv));
    }

    /** An EOI that was suppressed never reaches its pin, which therefore stays excused. */
    private void suppressed(int vcpu, boolean suppresses) {
        if (suppresses) {
            suppressing.add(vcpu);
        } else if (suppressing.remove(vcpu)) {
            for (int rest = waiting; rest != 0; rest &= rest - 1) {
                Pin pin = pins[Integer.numberOfTrailingZeros(rest)];
                pin.excused |= isEndedBy(vcpu, pin);
            }
        }
    }

    private boolean isSuppressed(Pin pin) {
        for (int vcpu : suppressing) {
            if (isEndedBy(vcpu, pin)) {
                return true;
            }
        }
        return false;
    }

    /** Whether {@code vcpu} may have the interrupt that {@code pin} waits for. */
    private boolean isEndedBy(int vcpu, Pin pin) {
        ApicIdentity apic = machine.vcpu(vcpu).identity;
        return apic == null || pin.sent == null || machine.isReached(apic, pin.sent);
    }

    private void pinChanged(Event event, TraceRecord record) {
        if (event instanceof Event.RemoteIrrSet set) {
            Pin pin = pins[set.pin()];
            pin.since = record;
            pin.vector = set.entry().vector();
            pin.sent = set.entry();
            pin.untaken = set.taken() < 0 || machine.isSplit() && set.taken() == 0;
            pin.excused &= pin.sending;
            pin.sending = false;
            pin.reported = false;
            waiting |= 1 << set.pin();
            check(set.pin(), record);
        } else if (event instanceof Event.RemoteIrrCleared cleared) {
            waiting &= ~(1 << cleared.pin());
        } else if (event instanceof Event.RedirectionEntryWritten write) {
            if (!write.after().remoteIrr()) {
                waiting &= ~(1 << write.pin());
            }
        } else if (event instanceof Event.IoapicTableSet) {
            // What a restored pin waits for is not known from before.
            waiting = 0;
        }
    }

    private static void sends(Pin pin) {
        pin.hazard = null;
        pin.sending = true;
        pin.excused = false;
    }

    private void sentByUserSpace(int data) {
        for (int i = 0; i < pins.length && machine.isSplit(); i++) {
            if ((waiting & 1 << i) == 0 && machine.entry(i).vector() == (data & VECTOR)) {
                sends(pins[i]);
            }
        }
    }

    /** An EOI of {@code vector} that nobody will hear of: why that may be. */
    private void endedInGuest(ObservedVcpu v, int vector) {
        rewritten(vector);
        for (int i = 0; i < pins.length; i++) {
            RedirectionEntry entry = machine.entry(i);
            if (entry.vector() != vector || entry.triggerMode() == TriggerMode.EDGE) {
                continue;
            }
            if (isAstray(v, entry)) {
                pins[i].excused = true;
            } else if (machine.isBehind(v, i)) {
                pins[i].hazard = Hazard.O8;
            } else if (v.loadSkipped != null && v.handled.get(vector)) {
                pins[i].hazard = Hazard.O1;
            }
        }
    }

    /** Whether KVM's map has taken the pin's interrupt to {@code v}, which it does not mean: no scan finds that pin's vector. */
    private boolean isAstray(ObservedVcpu v, RedirectionEntry entry) {
        ApicIdentity apic = v.identity;
        return apic != null
                && !machine.rule().leadsTo(apic, entry)
                && machine.isMisled(apic, entry.destination(), entry.destinationMode());
    }

    /** An EOI of {@code vector} does not find a pin whose entry has another by now, even if it has that again later. */
    private void rewritten(int vector) {
        for (int rest = waiting; rest != 0; rest &= rest - 1) {
            int i = Integer.numberOfTrailingZeros(rest);
            if (pins[i].vector == vector && machine.entry(i).vector() != vector) {
                pins[i].hazard = Hazard.O3;
            }
        }
    }

    private void received(Event.EoiReceived eoi) {
        ObservedVcpu v = machine.vcpu(eoi.vcpu());
        rewritten(eoi.vector());
        if (eoi.vector() >= 0 && !v.handled.get(eoi.vector())) {
            endedInGuest(v, eoi.vector());
        }
    }

    private void forwarded(Event.EoiForwarded eoi) {
        boolean edge = !machine.vcpu(eoi.vcpu()).tmr.get(eoi.vector());
        for (int i = 0; edge && i < pins.length; i++) {
            if ((waiting & 1 << i) != 0 && machine.entry(i).vector() == eoi.vector()) {
                pins[i].hazard = Hazard.O5;
            }
        }
    }

    /** What {@code v} had is gone, and that is nobody's mistake; on its way to IRR it has lost its bit of TMR. */
    private void lost(ObservedVcpu v) {
        for (int i = 0; i < pins.length; i++) {
            pins[i].excused |= pins[i].sending && v.lost.get(machine.entry(i).vector());
        }
        excuseAll();
    }

    /** What was in service may be gone, and that is nobody's mistake. */
    private void excuseAll() {
        for (int rest = waiting; rest != 0; rest &= rest - 1) {
            Pin pin = pins[Integer.numberOfTrailingZeros(rest)];
            pin.excused |= !machine.isSomebodys(pin.vector);
        }
    }

    private void checkAll(TraceRecord record) {
        for (int rest = waiting; rest != 0; rest &= rest - 1) {
            check(Integer.numberOfTrailingZeros(rest), record);
        }
    }

    private void check(int index, TraceRecord record) {
        Pin pin = pins[index];
        RedirectionEntry entry = machine.entry(index);
        if (pin.reported || pin.excused || !machine.isKnown() || isSuppressed(pin)) {
            return;
        }
        boolean vectored = entry.deliveryMode().isVectored();
        if (vectored && !machine.isSomebodys(pin.vector) && !machine.isSomebodys(entry.vector())) {
            report(index, entry, record);
        }
    }

    private void report(int index, RedirectionEntry entry, TraceRecord record) {
        Pin pin = pins[index];
        pin.reported = true;
        Hazard hazard = pin.hazard;
        if (pin.untaken) {
            hazard = Hazard.O4;
        } else if (entry.vector() != pin.vector && pin.vector != ObservedVcpu.NONE) {
            hazard = Hazard.O3;
        }
        violated(
                record,
                pin.since,
                "pin " + index + " waits for an EOI of vector " + Vectors.hex(entry.vector())
                        + ", which no local APIC holds",
                "its entry is " + BitWords.entry(entry),
                hazard);
    }

    /** When nothing moves any more nobody is busy with an EOI. */
    private void atRest(TraceRecord record) {
        machine.vcpus().forEach(v -> v.ending = ObservedVcpu.NONE);
        checkAll(record);
    }
}
