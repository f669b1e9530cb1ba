package org.vcpusim.trace;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
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

/** Reads the lines of {@link JsonLinesTraceWriter} back, to show that they lose nothing. */
final class JsonRecords {
    private final JsonNode d;

    private JsonRecords(JsonNode fields) {
        d = fields;
    }

    static TraceRecord record(JsonNode line) {
        Event event = new JsonRecords(line.get("d")).event(line.get("e").asText());
        return new TraceRecord(
                line.get("n").asLong(),
                line.get("t").asLong(),
                source(line.get("a").asText()),
                event);
    }

    private static Source source(String label) {
        String kind = label.replaceAll("[0-9]", "");
        String index = label.substring(kind.length());
        return new Source(
                Source.Kind.valueOf(kind.toUpperCase(java.util.Locale.ROOT)),
                index.isEmpty() ? 0 : Integer.parseInt(index));
    }

    private Event event(String tracepoint) {
        return switch (Tracepoint.valueOf(tracepoint.toUpperCase(java.util.Locale.ROOT))) {
            case KVM_ENTRY ->
                new Event.GuestEntered(
                        vcpu(),
                        word("rip"),
                        (int) word("intr_info"),
                        word("requests"),
                        Event.ApicvAtEntry.valueOf(name("apicv")));
            case KVM_EXIT ->
                new Event.GuestExited(
                        vcpu(),
                        ExitReason.ofNumber(number("exit_reason")).orElseThrow(),
                        word("guest_rip"),
                        word("info1"),
                        (int) word("intr_info"),
                        word("requests"));
            case KVM_NESTED_VMENTER ->
                new Event.NestedEntered(
                        vcpu(), word("rip"), word("nested_rip"), (int) word("int_ctl"), (int) word("event_inj"));
            case KVM_NESTED_VMEXIT ->
                new Event.NestedExited(
                        vcpu(),
                        ExitReason.ofNumber(number("exit_reason")).orElseThrow(),
                        word("guest_rip"),
                        word("info1"),
                        (int) word("intr_info"),
                        word("requests"));
            case KVM_NESTED_VMEXIT_INJECT ->
                new Event.NestedExitInjected(
                        vcpu(), ExitReason.ofNumber(number("exit_code")).orElseThrow(), word("exit_info1"), (int)
                                word("exit_int_info"));
            case KVM_NESTED_INTR_VMEXIT -> new Event.NestedInterrupted(vcpu(), word("rip"));
            case KVM_EOI -> new Event.EoiReceived(number("apicid"), number("vector"));
            case KVM_ACK_IRQ -> new Event.IrqAcknowledged(Event.IrqChip.values()[number("irqchip")], number("pin"));
            case KVM_SET_IRQ -> new Event.IrqLineSet(number("gsi"), number("level"), number("irq_source_id"));
            case KVM_IOAPIC_SET_IRQ ->
                new Event.IoapicIrqSet(
                        entry("e"), number("pin"), flag("coalesced"), (int) word("sources"), flag("raised"));
            case KVM_IOAPIC_DELAYED_EOI_INJ -> new Event.IoapicEoiInjectDelayed(entry("e"));
            case KVM_MSI_SET_IRQ -> new Event.MsiSet(word("address"), (int) word("data"));
            case KVM_PIC_SET_IRQ ->
                new Event.PicIrqSet(number("chip"), number("pin"), number("elcr"), number("imr"), flag("coalesced"));
            case KVM_APIC_ACCEPT_IRQ ->
                new Event.InterruptAccepted(
                        number("apicid"),
                        DeliveryMode.ofCode(number("dm")),
                        TriggerMode.ofBit(number("tm")),
                        number("vec"));
            case KVM_APIC ->
                new Event.ApicAccessed(vcpu(), access(number("rw")), number("reg"), number("len"), word("val"));
            case KVM_APIC_IPI -> new Event.ApicIpiSent(vcpu(), (int) word("icr_low"), (int) word("dest_id"));
            case KVM_INJ_VIRQ -> new Event.InterruptInjected(vcpu(), number("vector"), flag("reinjected"));
            case KVM_MMIO ->
                new Event.MmioAccessed(vcpu(), access(number("type") - 1), number("len"), word("gpa"), word("val"));
            case KVM_MSR ->
                new Event.MsrAccessed(
                        vcpu(), access(number("write")), (int) word("ecx"), word("data"), flag("exception"));
            case KVM_PIO -> new Event.PioAccessed(vcpu(), access(number("rw")), number("port"), (int) word("val"));
            case KVM_APICV_INHIBIT_CHANGED ->
                new Event.ApicvInhibitChanged(
                        ApicvInhibit.values()[number("reason")],
                        flag("set") ? ApicvInhibit.Change.SET : ApicvInhibit.Change.CLEAR,
                        word("inhibits"));
            case KVM_HV_SYNIC_SET_IRQ ->
                new Event.HvSynicIrqSet(vcpu(), number("sint"), number("vector"), number("ret"));
            case KVM_HV_SYNIC_SEND_EOI -> new Event.HvSynicEoiSent(vcpu(), number("vector"));
            case KVM_HV_SYNIC_SET_MSR -> new Event.HvSynicMsrSet(vcpu(), (int) word("msr"), word("data"));
            case KVM_HV_NOTIFY_ACKED_SINT -> new Event.HvSintAcked(vcpu(), number("sint"));
            case KVM_VCPU_WAKEUP -> new Event.VcpuWoken(vcpu(), flag("waited") ? Event.Wait.WAIT : Event.Wait.POLL);
            case KVM_HALT_POLL_NS -> new Event.HaltPollChanged(vcpu(), number("new"), number("old"));
            case KVM_USERSPACE_EXIT -> new Event.UserspaceExited(vcpu(), userspaceExit());
            case IOAPIC_REDIR_WRITE ->
                new Event.RedirectionEntryWritten(
                        number("pin"), entry("old"), entry("new"), number("seq"), number("op"));
            case REQUEST_MADE ->
                new Event.RequestMade(vcpu(), flow(), flag("coalesced"), EntryPhase.valueOf(name("phase")));
            case REQUEST_SEEN -> new Event.RequestSeen(vcpu(), flow());
            case REQUEST_APPLIED -> new Event.RequestApplied(vcpu(), flow());
            case IPI_SENT -> new Event.IpiSent(vcpu(), Event.HostVector.valueOf(name("vector")));
            case IPI_ELIDED -> new Event.IpiElided(vcpu(), VcpuMode.valueOf(name("mode")));
            case BROADCAST_STARTED -> new Event.BroadcastStarted(number("op"), request(), number("targets"));
            case BROADCAST_COMPLETED -> new Event.BroadcastCompleted(number("op"), request());
            case ENTRY_CANCELLED -> new Event.EntryCancelled(vcpu(), VcpuMode.valueOf(name("mode")), word("requests"));
            case VMCS_INIT -> new Event.VmcsInitialised(vcpu(), flag("apicv"));
            case IOAPIC_SCAN -> new Event.IoapicScanned(vcpu(), bitmap("bitmap"), number("seq"), bitmap("pending"));
            case EOI_EXITMAP_LOAD -> new Event.EoiExitmapLoaded(vcpu(), bitmap("bitmap"));
            case EOI_EXITMAP_LOAD_SKIPPED ->
                new Event.EoiExitmapLoadSkipped(vcpu(), Event.LoadSkipped.valueOf(name("why")));
            case EOI_EXITMAP_LOAD_DEFERRED -> new Event.EoiExitmapLoadDeferred(vcpu());
            case VMCS02_PREPARED ->
                new Event.Vmcs02Prepared(
                        vcpu(),
                        bitmap("bitmap"),
                        bitmap("wanted_bitmap"),
                        number("status"),
                        number("wanted_status"),
                        number("threshold"),
                        number("wanted_threshold"));
            case NESTED_VMENTER_FAILED ->
                new Event.NestedEntryFailed(vcpu(), VmInstructionError.valueOf(name("error")));
            case EOI_VIRTUALIZED -> new Event.EoiVirtualized(vcpu(), number("vec"));
            case APICV_INHIBITS_STORE -> new Event.ApicvInhibitsStored(word("inhibits"));
            case APIC_PAGE_ZAP -> new Event.ApicPageZapped(word("gfn"));
            case APICV_UPDATE -> new Event.ApicvUpdated(vcpu(), flag("active"), word("inhibits"), flag("changed"));
            case VCPU_BLOCK -> new Event.VcpuBlocked(vcpu());
            case VCPU_RESET -> new Event.VcpuReset(vcpu(), number("tpr"), bitmap("irr"), bitmap("isr"), bitmap("tmr"));
            case INTERRUPT_TAKEN -> new Event.InterruptTaken(vcpu(), number("vec"), flag("masked"));
            case SMI_HANDLED -> new Event.SmiHandled(vcpu());
            case SIPI_STARTED -> new Event.SipiStarted(vcpu(), number("page"));
            case RESAMPLE_SIGNALLED -> new Event.ResampleSignalled(number("irqfd"));
            case GSI_ROUTING_SET -> new Event.GsiRoutingSet(number("seq"), number("routes"), routes());
            case IOAPIC_EOI_PENDED -> new Event.IoapicEoiPended(vcpu(), number("vec"));
            case IOAPIC_EOI_DROPPED -> new Event.IoapicEoiDropped(vcpu(), number("vec"));
            case STORM_UNDER_WAY -> new Event.StormUnderWay(number("pin"), entry("e"), number("eois"));
            case RTC_EOI_MISSING -> new Event.RtcEoiMissing(vcpu(), number("vec"));
            case IOAPIC_STATE_SAVED -> new Event.IoapicStateSaved((int) word("irr"), (int) word("delivered"));
            case IOAPIC_STATE_RESTORED -> new Event.IoapicStateRestored((int) word("irr"));
            case HOST_CRASHED -> new Event.HostCrashed(Event.HostCrash.valueOf(name("how")));
            case EOI_EXITMAP_AUDIT ->
                new Event.EoiExitBitmapAudited(
                        vcpu(), bitmap("actual"), bitmap("expected"), Event.BitmapVerdict.valueOf(name("verdict")));
            case KVM_APICV_ACCEPT_IRQ ->
                new Event.ApicvInterruptAccepted(
                        number("apicid"),
                        DeliveryMode.ofCode(number("dm")),
                        TriggerMode.ofBit(number("tm")),
                        number("vec"));
            case POSTED_INTERRUPT_SET ->
                new Event.PostedInterruptSet(
                        vcpu(), number("vec"), Event.Poster.valueOf(name("by")), flag("coalesced"));
            case NOTIFICATION_REQUESTED -> new Event.NotificationRequested(vcpu(), flag("coalesced"));
            case POSTED_INTERRUPT_TRIGGER -> new Event.PostedInterruptTriggered(vcpu(), VcpuMode.valueOf(name("mode")));
            case POSTED_INTERRUPTS_SYNC ->
                new Event.PostedInterruptsSynced(vcpu(), bitmap("pir"), Event.SyncedBy.valueOf(name("by")));
            case VIRTUAL_INTERRUPT_DELIVERY -> new Event.VirtualInterruptDelivered(vcpu(), number("vec"));
            case INTERRUPT_STATE_LOAD ->
                new Event.InterruptStateLoaded(
                        vcpu(),
                        flag("apicv"),
                        number("status"),
                        number("tpr"),
                        number("threshold"),
                        bitmap("irr"),
                        bitmap("isr"),
                        bitmap("tmr"),
                        new LapicHints(
                                flag("apicv_active") ? Machine.Apicv.ACTIVE : Machine.Apicv.INACTIVE,
                                flag("irr_pending"),
                                number("isr_count"),
                                number("highest_isr_cache")),
                        new PostedInterruptDescriptor(
                                bitmap("pir"), new PostedInterruptDescriptor.Control(word("control"))));
            case VCPU_SCHED_IN -> new Event.VcpuScheduledIn(vcpu(), number("cpu"));
            case VCPU_SCHED_OUT ->
                new Event.VcpuScheduledOut(vcpu(), number("cpu"), Event.ScheduledOut.valueOf(name("why")));
            case SINT_READ -> new Event.SintRead(vcpu(), number("sint"), number("vec"));
            case INTERRUPT_PASSED_OVER -> new Event.InterruptPassedOver(vcpu(), number("vec"));
            case IRR_PENDING_RAISED -> new Event.IrrPendingRaised(vcpu(), number("vec"));
            case INTERRUPTS_HELD_BACK ->
                new Event.InterruptsHeldBack(vcpu(), flag("nested"), number("irr"), number("isr"), number("tpr"));
            case NMI_UNBLOCKED -> new Event.NmiUnblocked(vcpu());
            case NESTED_STATE_SYNC -> new Event.NestedStateSynced(vcpu(), number("left"), number("found"));
            case NESTED_INTERRUPT_POSTED -> new Event.NestedInterruptPosted(vcpu(), number("vec"));
            case NESTED_NOTIFICATION_NOTED -> new Event.NestedNotificationNoted(vcpu());
            case NESTED_NOTIFICATION_TRIGGER ->
                new Event.NestedNotificationTriggered(vcpu(), VcpuMode.valueOf(name("mode")));
            case NESTED_INTERRUPTS_SYNC ->
                new Event.NestedInterruptsSynced(vcpu(), Event.SyncedBy.valueOf(name("by")), bitmap("pir"));
            case NESTED_POSTING_LOAD -> new Event.NestedPostingLoaded(vcpu(), flag("noted"), bitmap("pir"));
            case INTERRUPT_REQUESTED ->
                new Event.InterruptRequested(
                        vcpu(), number("vec"), Event.SyncedBy.valueOf(name("by")), flag("coalesced"));
            case INTERRUPT_DISCARDED -> new Event.InterruptDiscarded(vcpu(), number("vec"));
            case HOST_INTERRUPT_HANDLED -> new Event.HostInterruptHandled(vcpu(), number("vec"));
            case GUEST_DEBUG_SET -> new Event.GuestDebugSet(vcpu(), flag("block_irq"));
            case INTERRUPT_ACKNOWLEDGED -> new Event.InterruptAcknowledged(vcpu(), number("vec"), flag("in_service"));
            case TASK_PRIORITY -> new Event.TaskPriorityChanged(vcpu(), number("tpr"));
            case LAPIC_STATE_SET ->
                new Event.LapicStateSet(
                        vcpu(), number("tpr"), (int) word("spiv"), bitmap("irr"), bitmap("isr"), bitmap("tmr"));
            case MODE_EXCHANGED ->
                new Event.ModeExchanged(vcpu(), VcpuMode.valueOf(name("before")), VcpuMode.valueOf(name("after")));
            case IMMEDIATE_EXIT_WANTED -> new Event.ImmediateExitWanted(vcpu());
            case SLEEPER_FOUND -> new Event.SleeperFound(vcpu(), Event.WakeCause.valueOf(name("cause")));
            case VCPU_AUDIT ->
                new Event.VcpuAudited(
                        vcpu(),
                        EntryPhase.valueOf(name("phase")),
                        MpState.valueOf(name("state")),
                        flag("interruptible"),
                        flag("enabled"),
                        word("requests"),
                        bitmap("irr"),
                        bitmap("isr"),
                        bitmap("pir"));
            case INTERRUPT_LOST -> new Event.InterruptLost(vcpu(), number("vec"));
            case VM_CREATED ->
                new Event.VmCreated(
                        number("vcpus"),
                        Protocol.valueOf(name("protocol")),
                        number("reserved_pins"),
                        number("x2apic_api"));
            case IOAPIC_TABLE_SET ->
                new Event.IoapicTableSet(
                        words("entries").map(RedirectionEntry::new).toList());
            case APIC_IDENTITY_CHANGED ->
                new Event.ApicIdentityChanged(new ApicIdentity(
                        vcpu(),
                        number("xapic_id"),
                        (int) word("ldr"),
                        (int) word("dfr"),
                        ApicIdentity.ApicMode.valueOf(name("mode")),
                        flag("sw_enabled"),
                        flag("accepts_pic")));
            case IOAPIC_TABLE_READ -> new Event.IoapicTableRead(vcpu());
            case ACK_NOTIFIERS_CHANGED -> new Event.AckNotifiersChanged((int) word("pins"));
            case IOAPIC_SERVICE -> new Event.IoapicServiced(number("pin"), entry("e"));
            case REMOTE_IRR_SET -> new Event.RemoteIrrSet(number("pin"), entry("e"), number("taken"));
            case REMOTE_IRR_CLEARED -> new Event.RemoteIrrCleared(number("pin"), entry("e"));
            case RTC_TRACKED -> new Event.RtcTracked(new RtcTracking(owed(), number("pending_eoi")));
            case SYNIC_VECTORS_CHANGED -> new Event.SynicVectorsChanged(vcpu(), bitmap("bitmap"));
            case EOI_FORWARDED ->
                new Event.EoiForwarded(vcpu(), number("vec"), TriggerMode.valueOf(name("trigger")), flag("suppressed"));
            case PIT_TICK -> new Event.PitTicked(flag("reinjected"));
            case VCPU_SIGNALLED -> new Event.VcpuSignalled(vcpu());
            case NOTIFICATION_HELD -> new Event.NotificationHeld(vcpu());
            case LEVEL_PIN_STUCK -> new Event.LevelPinStuck(number("pin"), entry("e"));
        };
    }

    private int vcpu() {
        return number("vcpu_id");
    }

    private int number(String key) {
        return d.required(key).asInt();
    }

    private boolean flag(String key) {
        return number(key) == 1;
    }

    private String name(String key) {
        return d.required(key).asText();
    }

    private long word(String key) {
        return parsed(name(key));
    }

    private static long parsed(String hex) {
        return Long.parseUnsignedLong(hex.substring("0x".length()), 16);
    }

    private RedirectionEntry entry(String key) {
        return new RedirectionEntry(word(key));
    }

    private VectorBitmap bitmap(String key) {
        JsonNode words = d.required(key);
        return new VectorBitmap(
                parsed(words.get(0).asText()),
                parsed(words.get(1).asText()),
                parsed(words.get(2).asText()),
                parsed(words.get(3).asText()));
    }

    private Stream<Long> words(String key) {
        return StreamSupport.stream(d.required(key).spliterator(), false).map(word -> parsed(word.asText()));
    }

    private List<RtcTracking.Owed> owed() {
        List<Long> all = words("owed").toList();
        return IntStream.range(0, all.size() / 2)
                .mapToObj(i -> new RtcTracking.Owed(
                        all.get(2 * i).intValue(), all.get(2 * i + 1).intValue()))
                .toList();
    }

    private List<Routing.MsiRoute> routes() {
        List<Long> all = words("pins").toList();
        return IntStream.range(0, all.size() / 3)
                .mapToObj(i -> new Routing.MsiRoute(
                        all.get(3 * i).intValue(),
                        all.get(3 * i + 1),
                        all.get(3 * i + 2).intValue()))
                .toList();
    }

    private static Event.Access access(int direction) {
        return Event.Access.values()[direction];
    }

    private VcpuRequest request() {
        return VcpuRequest.valueOf(name("req"));
    }

    private RequestSet.Flow flow() {
        long number = d.required("flow").asLong();
        return new RequestSet.Flow(request(), (int) (number >> 20), number("seq"));
    }

    private Event.UserspaceExit userspaceExit() {
        for (Event.UserspaceExit exit : Event.UserspaceExit.values()) {
            if (exit.number() == number("reason")) {
                return exit;
            }
        }
        throw new IllegalArgumentException("reason " + number("reason"));
    }
}
