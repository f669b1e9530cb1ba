package org.vcpusim.trace;

import java.util.ArrayList;
import java.util.List;
import org.vcpusim.arch.DeliveryMode;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.PostedInterruptDescriptor;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.arch.VmInstructionError;
import org.vcpusim.kvm.ApicIdentity;
import org.vcpusim.kvm.ApicvInhibit;
import org.vcpusim.kvm.EntryPhase;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.LapicHints;
import org.vcpusim.kvm.Machine;
import org.vcpusim.kvm.MpState;
import org.vcpusim.kvm.Protocol;
import org.vcpusim.kvm.RequestSet;
import org.vcpusim.kvm.Routing;
import org.vcpusim.kvm.RtcTracking;
import org.vcpusim.kvm.VcpuMode;
import org.vcpusim.kvm.VcpuRequest;

/** A record of every kind of event, some kinds more than once where their text has cases. It is no possible run. */
public final class SampleTrace {
    static final int VCPUS = 4;

    private static final RequestSet.Flow LOAD = new RequestSet.Flow(VcpuRequest.LOAD_EOI_EXITMAP, 7, 2);
    private static final RequestSet.Flow SCAN = new RequestSet.Flow(VcpuRequest.SCAN_IOAPIC, 8, 2);
    private static final RedirectionEntry LEVEL = new RedirectionEntry(0x0100_0000_0000_8030L);
    private static final RedirectionEntry MASKED_LOGICAL = new RedirectionEntry(0xff00_0000_0001_4931L);
    private static final VectorBitmap BITMAP = VectorBitmap.of(48, 64, 191, 255);
    private static final PostedInterruptDescriptor.Control CONTROL =
            new PostedInterruptDescriptor.Control(0x0000_0003_00f2_0001L);

    private SampleTrace() {}

    /** In an order of their own. */
    public static List<TraceRecord> records() {
        List<TraceRecord> records = new ArrayList<>();
        events().forEach(event -> {
            int order = records.size();
            records.add(new TraceRecord(order, 999_999_990L + 7L * order, source(order), event));
        });
        return records;
    }

    private static Source source(int order) {
        return switch (order % 6) {
            case 0 -> Source.vcpu(3);
            case 1 -> Source.VM;
            case 2 -> Source.guest(1);
            case 3 -> Source.device(2);
            case 4 -> Source.USERSPACE;
            default -> Source.TIMER;
        };
    }

    private static List<Event> events() {
        List<Event> all = new ArrayList<>(kernelEvents());
        all.addAll(simulatorEvents());
        return all;
    }

    private static List<Event> kernelEvents() {
        return List.of(
                new Event.GuestEntered(3, 0xffffffff81a00040L, 0x80000030, 0, Event.ApicvAtEntry.ACTIVE),
                new Event.GuestExited(3, ExitReason.EXTERNAL_INTERRUPT, 0x1000, 0, 0x800000fd, 0x80000000L),
                new Event.GuestExited(17, ExitReason.EOI_INDUCED, -1, 0x30, 0, 0),
                new Event.NestedEntered(3, 0xffffffff81a00042L, 0xffffffffc0000000L, 0x3141, 0x80000031),
                new Event.NestedExited(3, ExitReason.HLT, 0xffffffffc0000002L, 0, 0, 0x800000),
                new Event.NestedExitInjected(3, ExitReason.EXTERNAL_INTERRUPT, 0, 0x80000041),
                new Event.NestedInterrupted(3, 0xffffffffc0000004L),
                new Event.EoiReceived(17, 48),
                new Event.EoiReceived(0, -1),
                new Event.IrqAcknowledged(Event.IrqChip.PIC_MASTER, 1),
                new Event.IrqAcknowledged(Event.IrqChip.PIC_SLAVE, 7),
                new Event.IrqAcknowledged(Event.IrqChip.IOAPIC, 23),
                new Event.IrqLineSet(10, 1, 0),
                new Event.IoapicIrqSet(LEVEL, 10, false, 1, true),
                new Event.IoapicIrqSet(MASKED_LOGICAL, 11, true, 0, false),
                new Event.IoapicEoiInjectDelayed(LEVEL),
                new Event.MsiSet(0xfee0_1000L, 0x4041),
                new Event.MsiSet(0x0000_0100_fee0_200cL, 0xc142),
                new Event.PicIrqSet(0, 3, 0, 0, false),
                new Event.PicIrqSet(1, 2, 4, 0xff, true),
                new Event.InterruptAccepted(17, DeliveryMode.LOWEST_PRIORITY, TriggerMode.LEVEL, 48),
                new Event.ApicvInterruptAccepted(17, DeliveryMode.FIXED, TriggerMode.EDGE, 48),
                new Event.ApicAccessed(1, Event.Access.READ, 0x20, 4, 0x01000000),
                new Event.ApicAccessed(1, Event.Access.WRITE, 0x110, 4, 0xffffffffL),
                new Event.ApicIpiSent(2, 0x000040fd, 3),
                new Event.ApicIpiSent(2, 0x000c8931, -1),
                new Event.InterruptInjected(1, 0x30, false),
                new Event.InterruptInjected(1, 0xff, true),
                new Event.MmioAccessed(0, Event.Access.WRITE, 4, 0xfec00010L, 0x8030),
                new Event.MmioAccessed(0, Event.Access.READ, 8, -1, -1),
                new Event.MsrAccessed(1, Event.Access.WRITE, 0x80b, 0, false),
                new Event.MsrAccessed(1, Event.Access.READ, 0xc0000080, 0, true),
                new Event.PioAccessed(1, Event.Access.WRITE, 0xa0, 0x20),
                new Event.ApicvInhibitChanged(ApicvInhibit.BLOCKIRQ, ApicvInhibit.Change.SET, 0x2a),
                new Event.ApicvInhibitChanged(ApicvInhibit.HYPERV, ApicvInhibit.Change.CLEAR, 0),
                new Event.HvSynicIrqSet(1, 3, 0x52, -22),
                new Event.HvSynicEoiSent(1, 0x52),
                new Event.HvSynicMsrSet(1, 0x40000093, 0x20052),
                new Event.HvSintAcked(1, 3),
                new Event.VcpuWoken(2),
                new Event.HaltPollChanged(2, 20_000, 10_000),
                new Event.UserspaceExited(2, Event.UserspaceExit.KVM_EXIT_MMIO),
                new Event.UserspaceExited(2, Event.UserspaceExit.KVM_EXIT_INTR),
                new Event.UserspaceExited(2, Event.UserspaceExit.KVM_EXIT_IOAPIC_EOI));
    }

    private static List<Event> simulatorEvents() {
        return List.of(
                new Event.RedirectionEntryWritten(10, RedirectionEntry.RESET, LEVEL, 2, 7),
                new Event.RequestMade(1, LOAD, false, EntryPhase.RUN_LOOP),
                new Event.RequestMade(4095, SCAN, true, EntryPhase.RUN_LOOP),
                new Event.RequestSeen(1, LOAD),
                new Event.RequestApplied(1, LOAD),
                new Event.IpiSent(1, Event.HostVector.CALL_FUNCTION),
                new Event.IpiElided(2, VcpuMode.OUTSIDE_GUEST_MODE),
                new Event.InterruptPassedOver(2, 0x41),
                new Event.SintRead(2, 3, 0x53),
                new Event.IrrPendingRaised(2, 0x41),
                new Event.InterruptsHeldBack(2, true, 0x41, 0x51, 0x20),
                new Event.NmiUnblocked(2),
                new Event.NestedStateSynced(2, 0x4151, 0x41),
                new Event.BroadcastStarted(12, VcpuRequest.SCAN_IOAPIC, 4),
                new Event.BroadcastCompleted(12, VcpuRequest.OUTSIDE_GUEST_MODE),
                new Event.EntryCancelled(1, VcpuMode.EXITING_GUEST_MODE, 0x80800000L),
                new Event.VmcsInitialised(0, true),
                new Event.IoapicScanned(1, BITMAP, 2, VectorBitmap.of(64)),
                new Event.EoiExitmapLoaded(1, BITMAP),
                new Event.EoiExitmapLoadSkipped(1, Event.LoadSkipped.APICV_INACTIVE),
                new Event.EoiExitmapLoadDeferred(1),
                new Event.Vmcs02Prepared(1, BITMAP, VectorBitmap.of(48), 0x4151, 0x41, 4, 5),
                new Event.NestedEntryFailed(1, VmInstructionError.ENTRY_INVALID_CONTROL_FIELD),
                new Event.EoiVirtualized(1, 49),
                new Event.ApicvInhibitsStored(0x2a),
                new Event.ApicPageZapped(0xfee00),
                new Event.ApicvUpdated(3, false, 0x2a, true),
                new Event.ApicvUpdated(3, true, 0, false),
                new Event.VcpuBlocked(3),
                new Event.VcpuReset(3, 0x20, BITMAP, VectorBitmap.of(49), VectorBitmap.of(48)),
                new Event.InterruptTaken(3, 48, false),
                new Event.InterruptTaken(3, 2, true),
                new Event.SmiHandled(3),
                new Event.SipiStarted(3, 0x9a),
                new Event.ResampleSignalled(5),
                new Event.GsiRoutingSet(3, 24, List.of(new Routing.MsiRoute(16, 0xfee0_1000L, 0x8031))),
                new Event.IoapicEoiPended(1, 49),
                new Event.IoapicEoiDropped(1, 49),
                new Event.StormUnderWay(10, LEVEL, 9990),
                new Event.RtcEoiMissing(1, 97),
                new Event.IoapicStateSaved(0x10000, 0x100),
                new Event.IoapicStateRestored(0x10100),
                new Event.HostCrashed(Event.HostCrash.NO_IOAPIC),
                new Event.EoiExitBitmapAudited(1, VectorBitmap.EMPTY, VectorBitmap.of(48), Event.BitmapVerdict.WRONG),
                new Event.PostedInterruptSet(1, 49, Event.Poster.CPU, false),
                new Event.PostedInterruptSet(1, 255, Event.Poster.DEVICE, true),
                new Event.NotificationRequested(1, false),
                new Event.PostedInterruptTriggered(1, VcpuMode.IN_GUEST_MODE),
                new Event.PostedInterruptsSynced(1, BITMAP, Event.SyncedBy.PROCESSOR),
                new Event.VirtualInterruptDelivered(1, 49),
                new Event.InterruptStateLoaded(
                        1,
                        false,
                        0x3141,
                        0x40,
                        4,
                        BITMAP,
                        VectorBitmap.of(49),
                        VectorBitmap.of(48),
                        new LapicHints(Machine.Apicv.ACTIVE, true, 2, -1),
                        new PostedInterruptDescriptor(BITMAP, CONTROL)),
                new Event.InterruptRequested(1, 49, Event.SyncedBy.KVM, false),
                new Event.InterruptRequested(1, 49, Event.SyncedBy.PROCESSOR, true),
                new Event.InterruptDiscarded(1, 49),
                new Event.HostInterruptHandled(1, 49),
                new Event.GuestDebugSet(1, true),
                new Event.InterruptAcknowledged(1, 49, true),
                new Event.InterruptAcknowledged(1, 82, false),
                new Event.TaskPriorityChanged(1, 0x40),
                new Event.LapicStateSet(1, 0x40, 0x11ff, BITMAP, VectorBitmap.of(49), VectorBitmap.of(48)),
                new Event.ModeExchanged(1, VcpuMode.IN_GUEST_MODE, VcpuMode.EXITING_GUEST_MODE),
                new Event.ImmediateExitWanted(1),
                new Event.SleeperFound(1, Event.WakeCause.REQUEST),
                new Event.PitTicked(true),
                new Event.VcpuSignalled(1),
                new Event.NotificationHeld(2),
                new Event.VcpuAudited(
                        1,
                        EntryPhase.BLOCKED,
                        MpState.HALTED,
                        true,
                        true,
                        0x800000,
                        BITMAP,
                        VectorBitmap.of(49),
                        VectorBitmap.EMPTY),
                new Event.VcpuScheduledIn(1, 2),
                new Event.VcpuScheduledOut(1, 2, Event.ScheduledOut.PREEMPTED),
                new Event.LevelPinStuck(10, LEVEL.withRemoteIrr()),
                new Event.NestedInterruptPosted(2, 0x41),
                new Event.NestedNotificationNoted(2),
                new Event.NestedNotificationTriggered(2, VcpuMode.IN_GUEST_MODE),
                new Event.NestedInterruptsSynced(2, Event.SyncedBy.KVM, VectorBitmap.of(0x41)),
                new Event.NestedPostingLoaded(2, true, VectorBitmap.of(0x41)),
                new Event.InterruptLost(3, 49),
                new Event.VmCreated(4, Protocol.SCAN_THEN_LOAD, -1, 3),
                new Event.IoapicTableSet(List.of(LEVEL, MASKED_LOGICAL)),
                new Event.ApicIdentityChanged(new ApicIdentity(
                        3, 7, 0x02000000, ApicIdentity.DFR_FLAT, ApicIdentity.ApicMode.XAPIC, true, false)),
                new Event.IoapicTableRead(3),
                new Event.AckNotifiersChanged(0x800005),
                new Event.IoapicServiced(10, LEVEL),
                new Event.RemoteIrrSet(10, LEVEL.withRemoteIrr(), -1),
                new Event.RemoteIrrCleared(10, LEVEL),
                new Event.RtcTracked(
                        new RtcTracking(List.of(new RtcTracking.Owed(3, 49), new RtcTracking.Owed(1, 48)), 2)),
                new Event.SynicVectorsChanged(1, BITMAP),
                new Event.EoiForwarded(1, 49, TriggerMode.LEVEL, true));
    }
}
