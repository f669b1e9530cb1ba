package org.vcpusim.check;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.vcpusim.arch.DeliveryMode;
import org.vcpusim.arch.DestinationMode;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.kvm.ApicIdentity;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Ioapic;
import org.vcpusim.kvm.Protocol;
import org.vcpusim.kvm.RtcTracking;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.Source;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * The machine as events have told of it, for several invariants together. It has seen a record before they do.
 *
 * <p>Nothing here asks the model's own rules what ought to be: who is addressed is {@link DestinationRule}'s to say, and what
 * has to be handled {@link ObservedTable}'s. Of a trace without beginning little is known, and {@link #isKnown} says so.
 */
final class ObservedMachine {
    private static final int VECTOR = 0xff;
    private static final int EXTERNAL_INTERRUPT = 0x80000000;
    private static final int INFORMATION_TYPE = 0x80000700;

    private final List<ObservedVcpu> vcpus = new ArrayList<>();
    private final List<Broadcast> broadcasts = new ArrayList<>(2);
    private final long[] writtenVersions = new long[Ioapic.PINS];

    /** The table now, and as it was when all had last been told. */
    final ObservedTable table = new ObservedTable();

    final ObservedTable told = new ObservedTable();
    long version;
    long toldVersion;

    private boolean known;
    private boolean split;
    private boolean waits = true;
    private int restores = -1;
    private VcpuRequest tableRequest = VcpuRequest.SCAN_IOAPIC;
    private DestinationRule rule = new DestinationRule(true, false);
    private RtcTracking rtc = RtcTracking.NONE;
    private @Nullable Write write;

    /** A broadcast about the table that is not complete. */
    private record Broadcast(int operation, long version) {}

    /** A write of an entry in the kernel's IOAPIC whose broadcast is not complete. */
    static final class Write {
        final int pin;
        final Event.RedirectionEntryWritten event;
        /** Whether its broadcast has begun. */
        boolean announced;

        Write(Event.RedirectionEntryWritten event) {
            pin = event.pin();
            this.event = event;
        }
    }

    /** Whether the trace has its beginning. */
    boolean isKnown() {
        return known;
    }

    /** Whether the IOAPIC is in user space. */
    boolean isSplit() {
        return split;
    }

    /** The request by which vCPUs are told of a changed table. */
    VcpuRequest tableRequest() {
        return tableRequest;
    }

    DestinationRule rule() {
        return rule;
    }

    RtcTracking rtc() {
        return rtc;
    }

    /** Whether KVM_SET_IRQCHIP has replaced the table. */
    boolean isRestored() {
        return restores > 0;
    }

    /** The write that not every target has been told of, or null. */
    @Nullable Write write() {
        return write;
    }

    /** How many broadcasts about the table are not complete. */
    int runningBroadcasts() {
        return broadcasts.size();
    }

    ObservedVcpu vcpu(int index) {
        while (vcpus.size() <= index) {
            vcpus.add(new ObservedVcpu(vcpus.size()));
        }
        return vcpus.get(index);
    }

    List<ObservedVcpu> vcpus() {
        return vcpus;
    }

    /** Whether some vCPU has {@code vector} posted, requested or in service, or is busy with its EOI. */
    boolean isSomebodys(int vector) {
        for (ObservedVcpu vcpu : vcpus) {
            if (vcpu.holds(vector) || vcpu.ending == vector) {
                return true;
            }
        }
        return false;
    }

    /**
     * Whether {@code vcpu}'s bitmap may lawfully be older than the entry of {@code pin}: those who wait are told before the
     * writer goes on; where nobody waits, when they next leave the guest.
     */
    boolean isBehind(ObservedVcpu vcpu, int pin) {
        Write open = write;
        return waits ? open != null && open.pin == pin : vcpu.scannedVersion < writtenVersions[pin];
    }

    /** Whether {@code write} had to be told to {@code vcpu}: it is addressed by the new entry or was by the old one. */
    boolean isTarget(ObservedVcpu vcpu, Event.RedirectionEntryWritten written) {
        boolean all = !waits || written.after().deliveryMode() != DeliveryMode.FIXED;
        return all
                || isTarget(vcpu.identity, written)
                || vcpu.previousIdentity != null && isTarget(vcpu.previousIdentity, written);
    }

    private boolean isTarget(@Nullable ApicIdentity apic, Event.RedirectionEntryWritten written) {
        return apic == null || isReached(apic, written.after()) || isReached(apic, written.before());
    }

    /** Whether an interrupt by {@code entry} may come to {@code apic}. */
    boolean isReached(ApicIdentity apic, RedirectionEntry entry) {
        return rule.leadsTo(apic, entry) || isMisled(apic, entry.destination(), entry.destinationMode());
    }

    /** Whether KVM's map takes a message for {@code destination} to {@code apic}, although it does not mean it. */
    boolean isMisled(ApicIdentity apic, int destination, DestinationMode mode) {
        return DestinationRule.isTakenForX2apic(apic, destination, mode) && hasX2apic();
    }

    /** Whether some local APIC may be in x2APIC mode. */
    private boolean hasX2apic() {
        for (ObservedVcpu vcpu : vcpus) {
            ApicIdentity now = vcpu.identity;
            ApicIdentity before = vcpu.previousIdentity;
            if (now == null || now.x2apic() || before != null && before.x2apic()) {
                return true;
            }
        }
        return false;
    }

    void accept(Tracepoint tracepoint, TraceRecord record) {
        Event event = record.event();
        switch (tracepoint) {
            case KVM_ENTRY -> entered(vcpu(((Event.GuestEntered) event).vcpu()));
            case KVM_EXIT -> exited((Event.GuestExited) event);
            case KVM_EOI -> eoi((Event.EoiReceived) event);
            case EOI_VIRTUALIZED -> virtualized((Event.EoiVirtualized) event);
            case INTERRUPT_STATE_LOAD -> loaded((Event.InterruptStateLoaded) event);
            case KVM_APIC_ACCEPT_IRQ -> accepted((Event.InterruptAccepted) event);
            case POSTED_INTERRUPT_SET -> {
                Event.PostedInterruptSet e = (Event.PostedInterruptSet) event;
                ObservedVcpu v = vcpu(e.vcpu());
                v.posted = v.posted.with(e.vector());
                v.outstanding |= e.poster() == Event.Poster.DEVICE;
            }
            case POSTED_INTERRUPTS_SYNC -> {
                Event.PostedInterruptsSynced e = (Event.PostedInterruptsSynced) event;
                ObservedVcpu v = vcpu(e.vcpu());
                v.posted = v.posted.andNot(e.taken());
                v.irr = v.irr.or(e.taken());
                v.outstanding = false;
            }
            case NOTIFICATION_REQUESTED -> vcpu(((Event.NotificationRequested) event).vcpu()).outstanding = true;
            case REQUEST_SEEN -> {
                Event.RequestSeen e = (Event.RequestSeen) event;
                if (e.flow().request() == tableRequest) {
                    ObservedVcpu v = vcpu(e.vcpu());
                    v.postedBefore = v.outstanding ? v.posted : VectorBitmap.EMPTY;
                }
            }
            case VIRTUAL_INTERRUPT_DELIVERY -> {
                Event.VirtualInterruptDelivered e = (Event.VirtualInterruptDelivered) event;
                vcpu(e.vcpu()).taken(e.vector());
            }
            case KVM_INJ_VIRQ -> {
                Event.InterruptInjected e = (Event.InterruptInjected) event;
                if (!e.reinjected()) {
                    vcpu(e.vcpu()).taken(e.vector());
                }
            }
            default -> acceptBitmap(tracepoint, record);
        }
    }

    private void acceptBitmap(Tracepoint tracepoint, TraceRecord record) {
        Event event = record.event();
        switch (tracepoint) {
            case IOAPIC_TABLE_READ -> tableRead(vcpu(((Event.IoapicTableRead) event).vcpu()));
            case IOAPIC_SCAN -> scanned((Event.IoapicScanned) event, record);
            case EOI_EXITMAP_LOAD -> {
                Event.EoiExitmapLoaded e = (Event.EoiExitmapLoaded) event;
                ObservedVcpu v = vcpu(e.vcpu());
                if (v.ofL2 == null) {
                    v.loaded = e.bitmap();
                    v.loadSkipped = null;
                }
            }
            case EOI_EXITMAP_LOAD_SKIPPED -> {
                Event.EoiExitmapLoadSkipped e = (Event.EoiExitmapLoadSkipped) event;
                if (e.why() == Event.LoadSkipped.APICV_INACTIVE) {
                    vcpu(e.vcpu()).loadSkipped = record;
                }
            }
            case SYNIC_VECTORS_CHANGED -> {
                Event.SynicVectorsChanged e = (Event.SynicVectorsChanged) event;
                vcpu(e.vcpu()).synic = e.vectors();
            }
            case VMCS02_PREPARED -> {
                Event.Vmcs02Prepared e = (Event.Vmcs02Prepared) event;
                vcpu(e.vcpu()).ofL2 = e.bitmap();
            }
            case KVM_NESTED_VMEXIT_INJECT -> leftL2((Event.NestedExitInjected) event);
            case VMCS_INIT -> {
                Event.VmcsInitialised e = (Event.VmcsInitialised) event;
                ObservedVcpu v = vcpu(e.vcpu());
                v.initialised = true;
                v.scanned = false;
                v.apicv = e.apicv();
            }
            case APICV_UPDATE -> {
                Event.ApicvUpdated e = (Event.ApicvUpdated) event;
                vcpu(e.vcpu()).apicv = e.active();
            }
            case VCPU_RESET -> {
                ObservedVcpu v = vcpu(((Event.VcpuReset) event).vcpu());
                v.loseInterrupts();
                v.ofL2 = null;
            }
            case LAPIC_STATE_SET -> {
                Event.LapicStateSet e = (Event.LapicStateSet) event;
                ObservedVcpu v = vcpu(e.vcpu());
                VectorBitmap posted = v.initialised ? VectorBitmap.EMPTY : v.posted;
                v.loseInterrupts();
                v.posted = posted;
                v.irr = e.irr();
                v.isr = e.isr();
                v.tmr = e.tmr();
            }
            default -> acceptTable(tracepoint, record);
        }
    }

    private void acceptTable(Tracepoint tracepoint, TraceRecord record) {
        Event event = record.event();
        switch (tracepoint) {
            case VM_CREATED -> created((Event.VmCreated) event);
            case IOAPIC_TABLE_SET -> {
                table.set(((Event.IoapicTableSet) event).entries());
                restores++;
                changedForAll();
            }
            case GSI_ROUTING_SET -> {
                if (split) {
                    table.setRoutes(((Event.GsiRoutingSet) event).pins());
                    changedForAll();
                }
            }
            case ACK_NOTIFIERS_CHANGED -> {
                table.setNotified(((Event.AckNotifiersChanged) event).pins());
                changedForAll();
            }
            case APIC_IDENTITY_CHANGED -> {
                ApicIdentity identity = ((Event.ApicIdentityChanged) event).identity();
                ObservedVcpu v = vcpu(identity.vcpu());
                v.previousIdentity = v.identity;
                v.identity = identity;
            }
            case IOAPIC_REDIR_WRITE -> written((Event.RedirectionEntryWritten) event, record.source());
            case REMOTE_IRR_SET -> {
                int pin = ((Event.RemoteIrrSet) event).pin();
                table.set(pin, table.entry(pin).withRemoteIrr());
            }
            case REMOTE_IRR_CLEARED -> {
                int pin = ((Event.RemoteIrrCleared) event).pin();
                table.set(pin, table.entry(pin).withoutRemoteIrr());
            }
            case RTC_TRACKED -> rtc = ((Event.RtcTracked) event).tracking();
            case BROADCAST_STARTED -> started((Event.BroadcastStarted) event);
            case BROADCAST_COMPLETED -> completed((Event.BroadcastCompleted) event);
            default -> {
                // says nothing of this
            }
        }
    }

    private void created(Event.VmCreated e) {
        known = true;
        split = e.reservedPins() >= 0;
        waits = e.protocol() == Protocol.SCAN_THEN_LOAD;
        tableRequest = waits ? VcpuRequest.SCAN_IOAPIC : VcpuRequest.LOAD_EOI_EXITMAP;
        rule = new DestinationRule((e.x2apicApi() & 2) == 0, (e.x2apicApi() & 1) != 0);
        for (int i = 0; i < e.vcpus(); i++) {
            vcpu(i);
        }
    }

    private void entered(ObservedVcpu v) {
        if (!v.stateLoaded) {
            v.forgetInterrupts();
        }
        v.stateLoaded = false;
        v.previousIdentity = null;
        v.ending = ObservedVcpu.NONE;
        v.inGuest = true;
    }

    private void exited(Event.GuestExited e) {
        ObservedVcpu v = vcpu(e.vcpu());
        v.inGuest = false;
        if (e.reason() == ExitReason.EOI_INDUCED && v.ofL2 == null) {
            v.ended((int) e.qualification() & VECTOR);
        }
    }

    private void eoi(Event.EoiReceived e) {
        if (e.vector() >= 0) {
            vcpu(e.vcpu()).ended(e.vector());
        }
    }

    private void virtualized(Event.EoiVirtualized e) {
        ObservedVcpu v = vcpu(e.vcpu());
        v.isr = v.isr.without(e.vector());
    }

    private void loaded(Event.InterruptStateLoaded e) {
        ObservedVcpu v = vcpu(e.vcpu());
        v.posted = e.descriptor().pir();
        v.irr = e.irr();
        v.isr = e.isr();
        v.stateLoaded = true;
    }

    private void accepted(Event.InterruptAccepted e) {
        ObservedVcpu v = vcpu(e.vcpu());
        boolean vectored = e.deliveryMode().isVectored();
        if (!vectored || !v.accepts()) {
            return;
        }
        v.tmr = e.triggerMode() == TriggerMode.LEVEL ? v.tmr.with(e.vector()) : v.tmr.without(e.vector());
        if (!v.apicv) {
            v.irr = v.irr.with(e.vector());
        }
    }

    private void leftL2(Event.NestedExitInjected e) {
        ObservedVcpu v = vcpu(e.vcpu());
        v.ofL2 = null;
        if ((e.interruptionInformation() & INFORMATION_TYPE) == EXTERNAL_INTERRUPT) {
            v.taken(e.interruptionInformation() & VECTOR);
        }
    }

    private void tableRead(ObservedVcpu v) {
        ApicIdentity apic = v.identity;
        v.read = apic == null || !known ? null : table.needs(apic, rule, split);
        v.readGhost = split ? ObservedVcpu.NONE : rtc.vectorOf(v.index);
        v.readVersion = version;
    }

    private void scanned(Event.IoapicScanned e, TraceRecord record) {
        ObservedVcpu v = vcpu(e.vcpu());
        v.handled = e.handled();
        v.scanned = true;
        v.scan = record;
        ObservedTable.Needs read = v.read;
        if (read != null) {
            v.scannedVersion = v.readVersion;
            VectorBitmap found = e.pending().andNot(v.postedOnly());
            v.highestStale = read.others.andNot(read.others.andNot(found)).highest();
        }
    }

    private void written(Event.RedirectionEntryWritten e, Source source) {
        table.set(e.pin(), e.after());
        if (split || source.kind() == Source.Kind.USERSPACE) {
            return;
        }
        version++;
        writtenVersions[e.pin()] = version;
        write = new Write(e);
        for (ObservedVcpu vcpu : vcpus) {
            if (vcpu.identity != null && isTarget(vcpu, e)) {
                vcpu.owedVersion = version;
            }
        }
    }

    private void changedForAll() {
        version++;
        for (ObservedVcpu vcpu : vcpus) {
            vcpu.owedVersion = version;
        }
        if (split) {
            Arrays.fill(writtenVersions, version);
        }
    }

    private void started(Event.BroadcastStarted e) {
        if (e.request() != tableRequest) {
            return;
        }
        Write open = write;
        if (open != null && open.event.operation() == e.operation()) {
            open.announced = true;
        }
        broadcasts.add(new Broadcast(e.operation(), version));
    }

    /** All are told of what the table was when the last broadcast of several started, if it is still that. */
    private void completed(Event.BroadcastCompleted e) {
        for (int i = 0; i < broadcasts.size(); i++) {
            if (broadcasts.get(i).operation == e.operation()) {
                Broadcast done = broadcasts.remove(i);
                if (broadcasts.isEmpty() && done.version == version) {
                    toldVersion = version;
                    told.copy(table);
                }
                break;
            }
        }
        Write open = write;
        if (open != null && open.event.operation() == e.operation()) {
            write = null;
        }
    }

    /** The entry of {@code pin} as it is now. */
    RedirectionEntry entry(int pin) {
        return table.entry(pin);
    }
}
