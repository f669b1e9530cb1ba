package org.vcpusim.trace;

import java.util.stream.LongStream;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.kvm.ApicIdentity;
import org.vcpusim.kvm.ApicvInhibit;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Machine;
import org.vcpusim.kvm.RequestSet;

/**
 * The fields of an event as members of a JSON object.
 *
 * <p>Events of the group {@code kvm} have the fields of the kernel's tracepoint under their names (the format files of
 * events/kvm in tracefs), and behind them what only the simulator knows. The kernel's numbers stand for its enumerations;
 * the simulator's own are names.
 */
final class EventJson implements Event.Visitor<JsonFields> {
    private static final int VMX = 1;
    private static final int EINTR = 4;

    private final JsonFields out;

    EventJson(JsonFields out) {
        this.out = out;
    }

    @Override
    public JsonFields visit(Event.GuestEntered e) {
        return out.number("vcpu_id", e.vcpu())
                .word("rip", e.rip())
                .number("immediate_exit", 0)
                .word("intr_info", unsigned(e.interruptionInformation()))
                .number("error_code", 0)
                .word("requests", e.requests())
                .name("apicv", e.apicv());
    }

    @Override
    public JsonFields visit(Event.GuestExited e) {
        return exit(e);
    }

    private JsonFields exit(Event.GuestExited e) {
        return out.number("exit_reason", e.reason().number())
                .word("guest_rip", e.rip())
                .number("isa", VMX)
                .word("info1", e.qualification())
                .word("info2", 0)
                .word("intr_info", unsigned(e.interruptionInformation()))
                .number("error_code", 0)
                .number("vcpu_id", e.vcpu())
                .word("requests", e.requests());
    }

    @Override
    public JsonFields visit(Event.NestedEntered e) {
        return out.word("rip", e.rip())
                .word("vmcb", 0)
                .word("nested_rip", e.nestedRip())
                .word("int_ctl", unsigned(e.interruptStatus()))
                .word("event_inj", unsigned(e.eventInjection()))
                .number("tdp_enabled", 0)
                .word("guest_pgd", 0)
                .number("isa", VMX)
                .number("vcpu_id", e.vcpu());
    }

    @Override
    public JsonFields visit(Event.NestedExited e) {
        return exit(new Event.GuestExited(
                e.vcpu(), e.reason(), e.rip(), e.qualification(), e.interruptionInformation(), e.requests()));
    }

    @Override
    public JsonFields visit(Event.NestedExitInjected e) {
        return out.number("exit_code", e.reason().number())
                .word("exit_info1", e.qualification())
                .word("exit_info2", 0)
                .word("exit_int_info", unsigned(e.interruptionInformation()))
                .number("exit_int_info_err", 0)
                .number("isa", VMX)
                .number("vcpu_id", e.vcpu());
    }

    @Override
    public JsonFields visit(Event.NestedInterrupted e) {
        return out.word("rip", e.rip()).number("vcpu_id", e.vcpu());
    }

    @Override
    public JsonFields visit(Event.EoiReceived e) {
        return out.number("apicid", e.vcpu()).number("vector", e.vector());
    }

    @Override
    public JsonFields visit(Event.IrqAcknowledged e) {
        return out.number("irqchip", e.chip().ordinal()).number("pin", e.pin());
    }

    @Override
    public JsonFields visit(Event.IrqLineSet e) {
        return out.number("gsi", e.gsi()).number("level", e.level()).number("irq_source_id", e.source());
    }

    @Override
    public JsonFields visit(Event.IoapicIrqSet e) {
        return out.word("e", e.entry().bits())
                .number("pin", e.pin())
                .flag("coalesced", e.coalesced())
                .word("sources", e.sources())
                .flag("raised", e.raised());
    }

    @Override
    public JsonFields visit(Event.IoapicEoiInjectDelayed e) {
        return out.word("e", e.entry().bits());
    }

    @Override
    public JsonFields visit(Event.MsiSet e) {
        return out.word("address", e.address()).word("data", unsigned(e.data()));
    }

    @Override
    public JsonFields visit(Event.PicIrqSet e) {
        return out.number("chip", e.chip())
                .number("pin", e.pin())
                .number("elcr", e.elcr())
                .number("imr", e.imr())
                .flag("coalesced", e.coalesced());
    }

    @Override
    public JsonFields visit(Event.InterruptAccepted e) {
        return out.number("apicid", e.vcpu())
                .number("dm", e.deliveryMode().code())
                .number("tm", e.triggerMode().bit())
                .number("vec", e.vector());
    }

    @Override
    public JsonFields visit(Event.ApicAccessed e) {
        return out.number("rw", direction(e.access()))
                .number("reg", e.offset())
                .number("len", e.size())
                .word("val", e.value())
                .number("vcpu_id", e.vcpu());
    }

    @Override
    public JsonFields visit(Event.ApicIpiSent e) {
        return out.word("icr_low", unsigned(e.icrLow()))
                .word("dest_id", unsigned(e.destination()))
                .number("vcpu_id", e.vcpu());
    }

    @Override
    public JsonFields visit(Event.InterruptInjected e) {
        return out.number("vector", e.vector())
                .number("soft", 0)
                .flag("reinjected", e.reinjected())
                .number("vcpu_id", e.vcpu());
    }

    @Override
    public JsonFields visit(Event.MmioAccessed e) {
        return out.number("type", direction(e.access()) + 1)
                .number("len", e.length())
                .word("gpa", e.address())
                .word("val", e.value())
                .number("vcpu_id", e.vcpu());
    }

    @Override
    public JsonFields visit(Event.MsrAccessed e) {
        return out.number("write", direction(e.access()))
                .word("ecx", unsigned(e.msr()))
                .word("data", e.value())
                .flag("exception", e.fault())
                .number("vcpu_id", e.vcpu());
    }

    @Override
    public JsonFields visit(Event.PioAccessed e) {
        return out.number("rw", direction(e.access()))
                .number("port", e.port())
                .number("size", 1)
                .number("count", 1)
                .word("val", unsigned(e.value()))
                .number("vcpu_id", e.vcpu());
    }

    @Override
    public JsonFields visit(Event.ApicvInhibitChanged e) {
        return out.number("reason", e.reason().ordinal())
                .flag("set", e.change() == ApicvInhibit.Change.SET)
                .word("inhibits", e.inhibits());
    }

    @Override
    public JsonFields visit(Event.HvSynicIrqSet e) {
        return out.number("vcpu_id", e.vcpu())
                .number("sint", e.sint())
                .number("vector", e.vector())
                .number("ret", e.result());
    }

    @Override
    public JsonFields visit(Event.HvSynicEoiSent e) {
        return out.number("vcpu_id", e.vcpu()).number("vector", e.vector());
    }

    @Override
    public JsonFields visit(Event.HvSynicMsrSet e) {
        return out.number("vcpu_id", e.vcpu())
                .word("msr", unsigned(e.msr()))
                .word("data", e.value())
                .number("host", 0);
    }

    @Override
    public JsonFields visit(Event.HvSintAcked e) {
        return out.number("vcpu_id", e.vcpu()).number("sint", e.sint());
    }

    @Override
    public JsonFields visit(Event.VcpuWoken e) {
        return out.number("ns", 0)
                .number("waited", e.waiting() == Event.Wait.WAIT ? 1 : 0)
                .number("valid", 1)
                .number("vcpu_id", e.vcpu());
    }

    @Override
    public JsonFields visit(Event.HaltPollChanged e) {
        return out.number("grow", e.windowNanos() > e.beforeNanos() ? 1 : 0)
                .number("vcpu_id", e.vcpu())
                .number("new", e.windowNanos())
                .number("old", e.beforeNanos());
    }

    @Override
    public JsonFields visit(Event.UserspaceExited e) {
        return out.number("reason", e.reason().number())
                .number("errno", e.reason() == Event.UserspaceExit.KVM_EXIT_INTR ? -EINTR : 0)
                .number("vcpu_id", e.vcpu());
    }

    @Override
    public JsonFields visit(Event.RedirectionEntryWritten e) {
        return out.number("pin", e.pin())
                .word("old", e.before().bits())
                .word("new", e.after().bits())
                .number("seq", e.sequence())
                .number("op", e.operation());
    }

    @Override
    public JsonFields visit(Event.RequestMade e) {
        return flow(e.vcpu(), e.flow()).flag("coalesced", e.coalesced()).name("phase", e.phase());
    }

    @Override
    public JsonFields visit(Event.RequestSeen e) {
        return flow(e.vcpu(), e.flow());
    }

    @Override
    public JsonFields visit(Event.RequestApplied e) {
        return flow(e.vcpu(), e.flow());
    }

    @Override
    public JsonFields visit(Event.IpiSent e) {
        return out.number("vcpu_id", e.vcpu()).name("vector", e.vector());
    }

    @Override
    public JsonFields visit(Event.IpiElided e) {
        return out.number("vcpu_id", e.vcpu()).name("mode", e.mode());
    }

    @Override
    public JsonFields visit(Event.BroadcastStarted e) {
        return out.number("op", e.operation()).name("req", e.request()).number("targets", e.targets());
    }

    @Override
    public JsonFields visit(Event.BroadcastCompleted e) {
        return out.number("op", e.operation()).name("req", e.request());
    }

    @Override
    public JsonFields visit(Event.EntryCancelled e) {
        return out.number("vcpu_id", e.vcpu()).name("mode", e.mode()).word("requests", e.requests());
    }

    @Override
    public JsonFields visit(Event.VmcsInitialised e) {
        return out.number("vcpu_id", e.vcpu()).flag("apicv", e.apicv());
    }

    @Override
    public JsonFields visit(Event.IoapicScanned e) {
        return out.number("vcpu_id", e.vcpu())
                .bitmap("bitmap", e.handled())
                .number("seq", e.sequence())
                .bitmap("pending", e.pending());
    }

    @Override
    public JsonFields visit(Event.EoiExitmapLoaded e) {
        return out.number("vcpu_id", e.vcpu()).bitmap("bitmap", e.bitmap());
    }

    @Override
    public JsonFields visit(Event.EoiExitmapLoadSkipped e) {
        return out.number("vcpu_id", e.vcpu()).name("why", e.why());
    }

    @Override
    public JsonFields visit(Event.EoiExitmapLoadDeferred e) {
        return out.number("vcpu_id", e.vcpu());
    }

    @Override
    public JsonFields visit(Event.Vmcs02Prepared e) {
        return out.number("vcpu_id", e.vcpu())
                .bitmap("bitmap", e.bitmap())
                .bitmap("wanted_bitmap", e.wantedBitmap())
                .number("status", e.status())
                .number("wanted_status", e.wantedStatus())
                .number("threshold", e.threshold())
                .number("wanted_threshold", e.wantedThreshold());
    }

    @Override
    public JsonFields visit(Event.NestedEntryFailed e) {
        return out.number("vcpu_id", e.vcpu()).name("error", e.error());
    }

    @Override
    public JsonFields visit(Event.EoiVirtualized e) {
        return out.number("vcpu_id", e.vcpu()).number("vec", e.vector());
    }

    @Override
    public JsonFields visit(Event.ApicvInhibitsStored e) {
        return out.word("inhibits", e.inhibits());
    }

    @Override
    public JsonFields visit(Event.ApicPageZapped e) {
        return out.word("gfn", e.frame());
    }

    @Override
    public JsonFields visit(Event.ApicvUpdated e) {
        return out.number("vcpu_id", e.vcpu())
                .flag("active", e.active())
                .word("inhibits", e.inhibits())
                .flag("changed", e.changed());
    }

    @Override
    public JsonFields visit(Event.VcpuBlocked e) {
        return out.number("vcpu_id", e.vcpu());
    }

    @Override
    public JsonFields visit(Event.VcpuReset e) {
        return out.number("vcpu_id", e.vcpu())
                .number("tpr", e.priority())
                .bitmap("irr", e.irr())
                .bitmap("isr", e.isr())
                .bitmap("tmr", e.tmr());
    }

    @Override
    public JsonFields visit(Event.InterruptTaken e) {
        return out.number("vcpu_id", e.vcpu()).number("vec", e.vector()).flag("masked", e.masked());
    }

    @Override
    public JsonFields visit(Event.SmiHandled e) {
        return out.number("vcpu_id", e.vcpu());
    }

    @Override
    public JsonFields visit(Event.SipiStarted e) {
        return out.number("vcpu_id", e.vcpu()).number("page", e.page());
    }

    @Override
    public JsonFields visit(Event.ResampleSignalled e) {
        return out.number("irqfd", e.irqfd());
    }

    @Override
    public JsonFields visit(Event.GsiRoutingSet e) {
        return out.number("seq", e.sequence())
                .number("routes", e.routes())
                .words(
                        "pins",
                        e.pins().stream()
                                .flatMapToLong(
                                        route -> LongStream.of(route.gsi(), route.address(), unsigned(route.data())))
                                .toArray());
    }

    @Override
    public JsonFields visit(Event.IoapicEoiPended e) {
        return out.number("vcpu_id", e.vcpu()).number("vec", e.vector());
    }

    @Override
    public JsonFields visit(Event.IoapicEoiDropped e) {
        return out.number("vcpu_id", e.vcpu()).number("vec", e.vector());
    }

    @Override
    public JsonFields visit(Event.StormUnderWay e) {
        return out.number("pin", e.pin()).word("e", e.entry().bits()).number("eois", e.eois());
    }

    @Override
    public JsonFields visit(Event.RtcEoiMissing e) {
        return out.number("vcpu_id", e.vcpu()).number("vec", e.vector());
    }

    @Override
    public JsonFields visit(Event.IoapicStateSaved e) {
        return out.word("irr", e.irr()).word("delivered", e.delivered());
    }

    @Override
    public JsonFields visit(Event.IoapicStateRestored e) {
        return out.word("irr", e.irr());
    }

    @Override
    public JsonFields visit(Event.HostCrashed e) {
        return out.name("how", e.how());
    }

    @Override
    public JsonFields visit(Event.EoiExitBitmapAudited e) {
        return out.number("vcpu_id", e.vcpu())
                .name("verdict", e.verdict())
                .bitmap("actual", e.actual())
                .bitmap("expected", e.expected());
    }

    @Override
    public JsonFields visit(Event.LevelPinStuck e) {
        return out.number("pin", e.pin()).word("e", e.entry().bits());
    }

    @Override
    public JsonFields visit(Event.ApicvInterruptAccepted e) {
        return out.number("apicid", e.vcpu())
                .number("dm", e.deliveryMode().code())
                .number("tm", e.triggerMode().bit())
                .number("vec", e.vector());
    }

    @Override
    public JsonFields visit(Event.PostedInterruptSet e) {
        return out.number("vcpu_id", e.vcpu())
                .number("vec", e.vector())
                .name("by", e.poster())
                .flag("coalesced", e.coalesced());
    }

    @Override
    public JsonFields visit(Event.NotificationRequested e) {
        return out.number("vcpu_id", e.vcpu()).flag("coalesced", e.coalesced());
    }

    @Override
    public JsonFields visit(Event.PostedInterruptTriggered e) {
        return out.number("vcpu_id", e.vcpu()).name("mode", e.mode());
    }

    @Override
    public JsonFields visit(Event.PostedInterruptsSynced e) {
        return out.number("vcpu_id", e.vcpu()).name("by", e.by()).bitmap("pir", e.taken());
    }

    @Override
    public JsonFields visit(Event.VirtualInterruptDelivered e) {
        return out.number("vcpu_id", e.vcpu()).number("vec", e.vector());
    }

    @Override
    public JsonFields visit(Event.InterruptStateLoaded e) {
        return out.number("vcpu_id", e.vcpu())
                .flag("apicv", e.apicv())
                .number("status", e.status())
                .number("tpr", e.priority())
                .number("threshold", e.threshold())
                .bitmap("irr", e.irr())
                .bitmap("isr", e.isr())
                .bitmap("tmr", e.tmr())
                .flag("apicv_active", e.hints().apicv() == Machine.Apicv.ACTIVE)
                .flag("irr_pending", e.hints().irrPending())
                .number("isr_count", e.hints().isrCount())
                .number("highest_isr_cache", e.hints().highestIsrCache())
                .bitmap("pir", e.descriptor().pir())
                .word("control", e.descriptor().control().word());
    }

    @Override
    public JsonFields visit(Event.InterruptPassedOver e) {
        return out.number("vcpu_id", e.vcpu()).number("vec", e.vector());
    }

    @Override
    public JsonFields visit(Event.IrrPendingRaised e) {
        return out.number("vcpu_id", e.vcpu()).number("vec", e.vector());
    }

    @Override
    public JsonFields visit(Event.InterruptsHeldBack e) {
        return out.number("vcpu_id", e.vcpu())
                .flag("nested", e.nested())
                .number("irr", e.requested())
                .number("isr", e.inService())
                .number("tpr", e.priority());
    }

    @Override
    public JsonFields visit(Event.NmiUnblocked e) {
        return out.number("vcpu_id", e.vcpu());
    }

    @Override
    public JsonFields visit(Event.NestedStateSynced e) {
        return out.number("vcpu_id", e.vcpu()).number("left", e.left()).number("found", e.found());
    }

    @Override
    public JsonFields visit(Event.SintRead e) {
        return out.number("vcpu_id", e.vcpu()).number("sint", e.sint()).number("vec", e.vector());
    }

    @Override
    public JsonFields visit(Event.NestedInterruptPosted e) {
        return out.number("vcpu_id", e.vcpu()).number("vec", e.vector());
    }

    @Override
    public JsonFields visit(Event.NestedNotificationNoted e) {
        return out.number("vcpu_id", e.vcpu());
    }

    @Override
    public JsonFields visit(Event.NestedNotificationTriggered e) {
        return out.number("vcpu_id", e.vcpu()).name("mode", e.mode());
    }

    @Override
    public JsonFields visit(Event.NestedInterruptsSynced e) {
        return out.number("vcpu_id", e.vcpu()).name("by", e.by()).bitmap("pir", e.taken());
    }

    @Override
    public JsonFields visit(Event.NestedPostingLoaded e) {
        return out.number("vcpu_id", e.vcpu()).flag("noted", e.noted()).bitmap("pir", e.pir());
    }

    @Override
    public JsonFields visit(Event.InterruptRequested e) {
        return out.number("vcpu_id", e.vcpu())
                .number("vec", e.vector())
                .name("by", e.by())
                .flag("coalesced", e.coalesced());
    }

    @Override
    public JsonFields visit(Event.InterruptDiscarded e) {
        return out.number("vcpu_id", e.vcpu()).number("vec", e.vector());
    }

    @Override
    public JsonFields visit(Event.HostInterruptHandled e) {
        return out.number("vcpu_id", e.vcpu()).number("vec", e.vector());
    }

    @Override
    public JsonFields visit(Event.GuestDebugSet e) {
        return out.number("vcpu_id", e.vcpu()).flag("block_irq", e.blockIrq());
    }

    @Override
    public JsonFields visit(Event.InterruptAcknowledged e) {
        return out.number("vcpu_id", e.vcpu()).number("vec", e.vector()).flag("in_service", e.inService());
    }

    @Override
    public JsonFields visit(Event.TaskPriorityChanged e) {
        return out.number("vcpu_id", e.vcpu()).number("tpr", e.priority());
    }

    @Override
    public JsonFields visit(Event.LapicStateSet e) {
        return out.number("vcpu_id", e.vcpu())
                .number("tpr", e.priority())
                .word("spiv", unsigned(e.spiv()))
                .bitmap("irr", e.irr())
                .bitmap("isr", e.isr())
                .bitmap("tmr", e.tmr());
    }

    @Override
    public JsonFields visit(Event.ModeExchanged e) {
        return out.number("vcpu_id", e.vcpu()).name("before", e.before()).name("after", e.after());
    }

    @Override
    public JsonFields visit(Event.ImmediateExitWanted e) {
        return out.number("vcpu_id", e.vcpu());
    }

    @Override
    public JsonFields visit(Event.VcpuAudited e) {
        return out.number("vcpu_id", e.vcpu())
                .name("phase", e.phase())
                .name("state", e.state())
                .flag("interruptible", e.interruptible())
                .flag("enabled", e.enabled())
                .word("requests", e.requests())
                .bitmap("irr", e.irr())
                .bitmap("isr", e.isr())
                .bitmap("pir", e.pir());
    }

    @Override
    public JsonFields visit(Event.PitTicked e) {
        return out.flag("reinjected", e.reinjected());
    }

    @Override
    public JsonFields visit(Event.VcpuSignalled e) {
        return out.number("vcpu_id", e.vcpu());
    }

    @Override
    public JsonFields visit(Event.NotificationHeld e) {
        return out.number("vcpu_id", e.vcpu());
    }

    @Override
    public JsonFields visit(Event.SleeperFound e) {
        return out.number("vcpu_id", e.vcpu()).name("cause", e.cause());
    }

    @Override
    public JsonFields visit(Event.InterruptLost e) {
        return out.number("vcpu_id", e.vcpu()).number("vec", e.vector());
    }

    @Override
    public JsonFields visit(Event.VcpuScheduledIn e) {
        return out.number("vcpu_id", e.vcpu()).number("cpu", e.cpu());
    }

    @Override
    public JsonFields visit(Event.VcpuScheduledOut e) {
        return out.number("vcpu_id", e.vcpu()).number("cpu", e.cpu()).name("why", e.why());
    }

    @Override
    public JsonFields visit(Event.VmCreated e) {
        return out.number("vcpus", e.vcpus())
                .name("protocol", e.protocol())
                .number("reserved_pins", e.reservedPins())
                .number("x2apic_api", e.x2apicApi());
    }

    @Override
    public JsonFields visit(Event.IoapicTableSet e) {
        return out.words(
                "entries",
                e.entries().stream().mapToLong(RedirectionEntry::bits).toArray());
    }

    @Override
    public JsonFields visit(Event.ApicIdentityChanged e) {
        ApicIdentity i = e.identity();
        return out.number("vcpu_id", i.vcpu())
                .number("xapic_id", i.xapicId())
                .word("ldr", unsigned(i.ldr()))
                .word("dfr", unsigned(i.dfr()))
                .name("mode", i.mode())
                .flag("sw_enabled", i.softwareEnabled())
                .flag("accepts_pic", i.acceptsPic());
    }

    @Override
    public JsonFields visit(Event.IoapicTableRead e) {
        return out.number("vcpu_id", e.vcpu());
    }

    @Override
    public JsonFields visit(Event.AckNotifiersChanged e) {
        return out.word("pins", unsigned(e.pins()));
    }

    @Override
    public JsonFields visit(Event.IoapicServiced e) {
        return out.number("pin", e.pin()).word("e", e.entry().bits());
    }

    @Override
    public JsonFields visit(Event.RemoteIrrSet e) {
        return out.number("pin", e.pin()).word("e", e.entry().bits()).number("taken", e.taken());
    }

    @Override
    public JsonFields visit(Event.RemoteIrrCleared e) {
        return out.number("pin", e.pin()).word("e", e.entry().bits());
    }

    @Override
    public JsonFields visit(Event.RtcTracked e) {
        return out.words(
                        "owed",
                        e.tracking().owed().stream()
                                .flatMapToLong(owed -> LongStream.of(owed.vcpu(), owed.vector()))
                                .toArray())
                .number("pending_eoi", e.tracking().pendingEois());
    }

    @Override
    public JsonFields visit(Event.SynicVectorsChanged e) {
        return out.number("vcpu_id", e.vcpu()).bitmap("bitmap", e.vectors());
    }

    @Override
    public JsonFields visit(Event.EoiForwarded e) {
        return out.number("vcpu_id", e.vcpu())
                .number("vec", e.vector())
                .name("trigger", e.trigger())
                .flag("suppressed", e.suppressed());
    }

    /** A flow's number is unique in the run, see {@link EventText#flowNumber}. */
    private JsonFields flow(int vcpu, RequestSet.Flow flow) {
        return out.number("vcpu_id", vcpu)
                .name("req", flow.request())
                .number("seq", flow.sequence())
                .number("flow", EventText.flowNumber(vcpu, flow));
    }

    private static int direction(Event.Access access) {
        return access == Event.Access.READ ? 0 : 1;
    }

    private static long unsigned(int word) {
        return Integer.toUnsignedLong(word);
    }
}
