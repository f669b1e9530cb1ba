package org.vcpusim.trace;

import java.util.Optional;
import org.vcpusim.arch.ApicRegister;
import org.vcpusim.arch.DeliveryMode;
import org.vcpusim.arch.DestinationMode;
import org.vcpusim.arch.DestinationShorthand;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.kvm.ApicIdentity;
import org.vcpusim.kvm.ApicvInhibit;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Machine;
import org.vcpusim.kvm.RequestSet;

/**
 * The text of an event after its tracepoint's name and colon.
 *
 * <p>Events of the group {@code kvm} read as the kernel prints them (TP_printk in arch/x86/kvm/trace.h and
 * include/trace/events/kvm.h), so they say no more than the kernel does. What a kernel event has and the model has not is
 * 0: info2, error_code, the nanoseconds of kvm_vcpu_wakeup. An APIC ID in kvm_eoi and kvm_apic_accept_irq is the vCPU's
 * index, in hexadecimal, as in the kernel. Events of {@code kvm_sim} follow the same habits.
 */
public final class EventText implements Event.Visitor<AsciiBuffer> {
    private static final String COALESCED = " (coalesced)";
    private static final int LOGICAL = 1 << 11;
    private static final int ICR_ASSERT = 1 << 14;
    private static final int LEVEL = 1 << 15;
    private static final int MSI_LOGICAL = 1 << 2;
    private static final int MSI_REDIRECTION_HINT = 1 << 3;
    private static final int USUAL_LENGTH = 256;
    private static final int VCPU_BITS = 20;

    private final AsciiBuffer out;

    /** Texts are appended to {@code out}. */
    EventText(AsciiBuffer out) {
        this.out = out;
    }

    /** The text of {@code event}. */
    public static String of(Event event) {
        AsciiBuffer text = new AsciiBuffer(USUAL_LENGTH);
        event.accept(new EventText(text));
        return text.toString();
    }

    /** A number for {@code flow} of vCPU {@code vcpu} that no other flow of the run has: flow times 2^20, plus vCPU. */
    public static long flowNumber(int vcpu, RequestSet.Flow flow) {
        return (long) flow.flow() << VCPU_BITS | vcpu;
    }

    @Override
    public AsciiBuffer visit(Event.GuestEntered e) {
        return out.text("vcpu ")
                .decimal(e.vcpu())
                .text(", rip 0x")
                .hex(e.rip())
                .text(" intr_info 0x")
                .hex(e.interruptionInformation(), 8)
                .text(" error_code 0x00000000");
    }

    @Override
    public AsciiBuffer visit(Event.GuestExited e) {
        return exit(e);
    }

    private AsciiBuffer exit(Event.GuestExited e) {
        return out.text("vcpu ")
                .decimal(e.vcpu())
                .text(" reason ")
                .text(e.reason().traceName())
                .text(" rip 0x")
                .hex(e.rip())
                .text(" info1 0x")
                .hex(e.qualification(), 16)
                .text(" info2 0x0000000000000000 intr_info 0x")
                .hex(e.interruptionInformation(), 8)
                .text(" error_code 0x00000000 requests 0x")
                .hex(e.requests(), 16);
    }

    @Override
    public AsciiBuffer visit(Event.NestedEntered e) {
        return out.text("rip: 0x")
                .hex(e.rip(), 16)
                .text(" vmcs: 0x0000000000000000 nested_rip: 0x")
                .hex(e.nestedRip(), 16)
                .text(" int_ctl: 0x")
                .hex(e.interruptStatus(), 8)
                .text(" event_inj: 0x")
                .hex(e.eventInjection(), 8)
                .text(" nested_ept=n guest_cr3: 0x0000000000000000");
    }

    @Override
    public AsciiBuffer visit(Event.NestedExited e) {
        return exit(new Event.GuestExited(
                e.vcpu(), e.reason(), e.rip(), e.qualification(), e.interruptionInformation(), e.requests()));
    }

    @Override
    public AsciiBuffer visit(Event.NestedExitInjected e) {
        return out.text("reason: ")
                .text(e.reason().traceName())
                .text(" ext_inf1: 0x")
                .hex(e.qualification(), 16)
                .text(" ext_inf2: 0x0000000000000000 ext_int: 0x")
                .hex(e.interruptionInformation(), 8)
                .text(" ext_int_err: 0x00000000");
    }

    @Override
    public AsciiBuffer visit(Event.NestedInterrupted e) {
        return out.text("rip: 0x").hex(e.rip(), 16);
    }

    @Override
    public AsciiBuffer visit(Event.EoiReceived e) {
        return out.text("apicid ").hex(e.vcpu()).text(" vector ").decimal(e.vector());
    }

    @Override
    public AsciiBuffer visit(Event.IrqAcknowledged e) {
        return out.text("irqchip ").text(chipName(e.chip())).text(" pin ").decimal(e.pin());
    }

    @Override
    public AsciiBuffer visit(Event.IrqLineSet e) {
        return out.text("gsi ")
                .decimal(e.gsi())
                .text(" level ")
                .decimal(e.level())
                .text(" source ")
                .decimal(e.source());
    }

    @Override
    public AsciiBuffer visit(Event.IoapicIrqSet e) {
        return entry(out.text("pin ").decimal(e.pin()).character(' '), e.entry())
                .text(e.coalesced() ? COALESCED : "");
    }

    @Override
    public AsciiBuffer visit(Event.IoapicEoiInjectDelayed e) {
        return entry(out, e.entry());
    }

    @Override
    public AsciiBuffer visit(Event.MsiSet e) {
        long destination = e.address() >> 12 & 0xff | e.address() >> 32 & 0xffffff00L;
        return modes(out.text("dst ").hex(destination).text(" vec ").decimal(e.data() & 0xff), e.data() >> 8 & 7)
                .text(DestinationMode.ofBit(e.address() & MSI_LOGICAL).traceName())
                .character('|')
                .text(TriggerMode.ofBit(e.data() & LEVEL).traceName())
                .text((e.address() & MSI_REDIRECTION_HINT) == 0 ? ")" : "|rh)");
    }

    @Override
    public AsciiBuffer visit(Event.PicIrqSet e) {
        return out.text("chip ")
                .decimal(e.chip())
                .text(" pin ")
                .decimal(e.pin())
                .text((e.elcr() >> e.pin() & 1) == 0 ? " (edge" : " (level")
                .text((e.imr() >> e.pin() & 1) == 0 ? ")" : "|masked)")
                .text(e.coalesced() ? COALESCED : "");
    }

    @Override
    public AsciiBuffer visit(Event.InterruptAccepted e) {
        return accepted(e.vcpu(), e.vector(), e.deliveryMode(), e.triggerMode());
    }

    @Override
    public AsciiBuffer visit(Event.ApicAccessed e) {
        return register(out.text("apic_").text(verb(e.access())).character(' '), e.offset())
                .text(" = 0x")
                .hex(e.value());
    }

    @Override
    public AsciiBuffer visit(Event.ApicIpiSent e) {
        int icr = e.icrLow();
        AsciiBuffer text =
                out.text("dst ").hex(unsigned(e.destination())).text(" vec ").decimal(icr & 0xff);
        return modes(text, icr >> 8 & 7)
                .text(DestinationMode.ofBit(icr & LOGICAL).traceName())
                .text((icr & ICR_ASSERT) == 0 ? "|de-assert|" : "|assert|")
                .text(TriggerMode.ofBit(icr & LEVEL).traceName())
                .character('|')
                .text(DestinationShorthand.ofCode(icr >> 18 & 3).traceName())
                .character(')');
    }

    @Override
    public AsciiBuffer visit(Event.InterruptInjected e) {
        return out.text("IRQ 0x").hex(e.vector()).text(e.reinjected() ? " [reinjected]" : "");
    }

    @Override
    public AsciiBuffer visit(Event.MmioAccessed e) {
        return out.text("mmio ")
                .text(verb(e.access()))
                .text(" len ")
                .decimal(e.length())
                .text(" gpa 0x")
                .hex(e.address())
                .text(" val 0x")
                .hex(e.value());
    }

    @Override
    public AsciiBuffer visit(Event.MsrAccessed e) {
        return out.text("msr_")
                .text(verb(e.access()))
                .character(' ')
                .hex(unsigned(e.msr()))
                .text(" = 0x")
                .hex(e.value())
                .text(e.fault() ? " (#GP)" : "");
    }

    @Override
    public AsciiBuffer visit(Event.PioAccessed e) {
        return out.text("pio_")
                .text(verb(e.access()))
                .text(" at 0x")
                .hex(e.port())
                .text(" size 1 count 1 val 0x")
                .hex(unsigned(e.value()))
                .character(' ');
    }

    @Override
    public AsciiBuffer visit(Event.ApicvInhibitChanged e) {
        out.text(e.change() == ApicvInhibit.Change.SET ? "set" : "cleared")
                .text(" reason=")
                .decimal(e.reason().ordinal())
                .text(", inhibits=0x")
                .hex(e.inhibits());
        char separator = ' ';
        for (ApicvInhibit reason : ApicvInhibit.values()) {
            if ((e.inhibits() & reason.mask()) != 0) {
                out.character(separator).text(reason.name());
                separator = '|';
            }
        }
        return out;
    }

    @Override
    public AsciiBuffer visit(Event.HvSynicIrqSet e) {
        return out.text("vcpu_id ")
                .decimal(e.vcpu())
                .text(" sint ")
                .decimal(e.sint())
                .text(" vector ")
                .decimal(e.vector())
                .text(" ret ")
                .decimal(e.result());
    }

    @Override
    public AsciiBuffer visit(Event.HvSynicEoiSent e) {
        return out.text("vcpu_id ").decimal(e.vcpu()).text(" vector ").decimal(e.vector());
    }

    @Override
    public AsciiBuffer visit(Event.HvSynicMsrSet e) {
        return out.text("vcpu_id ")
                .decimal(e.vcpu())
                .text(" msr 0x")
                .hex(unsigned(e.msr()))
                .text(" data 0x")
                .hex(e.value())
                .text(" host 0");
    }

    @Override
    public AsciiBuffer visit(Event.HvSintAcked e) {
        return out.text("vcpu_id ").decimal(e.vcpu()).text(" sint ").decimal(e.sint());
    }

    @Override
    public AsciiBuffer visit(Event.VcpuWoken e) {
        return out.text(e.waiting() == Event.Wait.POLL ? "poll" : "wait").text(" time 0 ns, polling valid");
    }

    @Override
    public AsciiBuffer visit(Event.HaltPollChanged e) {
        boolean grows = e.windowNanos() > e.beforeNanos();
        return out.text("vcpu ")
                .decimal(e.vcpu())
                .text(": halt_poll_ns ")
                .decimal(e.windowNanos())
                .text(grows ? " (grow " : " (shrink ")
                .decimal(e.beforeNanos())
                .text(")");
    }

    @Override
    public AsciiBuffer visit(Event.UserspaceExited e) {
        return e.reason() == Event.UserspaceExit.KVM_EXIT_INTR
                ? out.text("reason restart (4)")
                : out.text("reason ")
                        .text(e.reason().name())
                        .text(" (")
                        .decimal(e.reason().number())
                        .character(')');
    }

    @Override
    public AsciiBuffer visit(Event.RedirectionEntryWritten e) {
        return out.text("pin ")
                .decimal(e.pin())
                .text(" old 0x")
                .hex(e.before().bits(), 16)
                .text(" new 0x")
                .hex(e.after().bits(), 16)
                .text(" seq ")
                .decimal(e.sequence());
    }

    @Override
    public AsciiBuffer visit(Event.RequestMade e) {
        return flow(e.vcpu(), e.flow()).text(" phase ").text(e.phase().name()).text(e.coalesced() ? COALESCED : "");
    }

    @Override
    public AsciiBuffer visit(Event.RequestSeen e) {
        return flow(e.vcpu(), e.flow());
    }

    @Override
    public AsciiBuffer visit(Event.RequestApplied e) {
        return flow(e.vcpu(), e.flow());
    }

    @Override
    public AsciiBuffer visit(Event.IpiSent e) {
        return out.text("vcpu ")
                .decimal(e.vcpu())
                .text(" vec ")
                .decimal(e.vector().number())
                .text(" (")
                .text(e.vector().name())
                .character(')');
    }

    @Override
    public AsciiBuffer visit(Event.IpiElided e) {
        return out.text("vcpu ").decimal(e.vcpu()).text(" mode ").text(e.mode().name());
    }

    @Override
    public AsciiBuffer visit(Event.BroadcastStarted e) {
        return out.text("op ")
                .decimal(e.operation())
                .text(" req ")
                .text(e.request().name())
                .text(" targets ")
                .decimal(e.targets());
    }

    @Override
    public AsciiBuffer visit(Event.BroadcastCompleted e) {
        return out.text("op ")
                .decimal(e.operation())
                .text(" req ")
                .text(e.request().name());
    }

    @Override
    public AsciiBuffer visit(Event.EntryCancelled e) {
        return out.text("vcpu ")
                .decimal(e.vcpu())
                .text(" mode ")
                .text(e.mode().name())
                .text(" requests 0x")
                .hex(e.requests(), 16);
    }

    @Override
    public AsciiBuffer visit(Event.VmcsInitialised e) {
        return out.text("vcpu ").decimal(e.vcpu()).text(" apicv ").decimal(e.apicv() ? 1 : 0);
    }

    @Override
    public AsciiBuffer visit(Event.IoapicScanned e) {
        bitmap(out.text("vcpu ").decimal(e.vcpu()).text(" bitmap"), e.handled())
                .text(" seq ")
                .decimal(e.sequence());
        return bitmap(out.text(" pending"), e.pending());
    }

    @Override
    public AsciiBuffer visit(Event.EoiExitmapLoaded e) {
        return bitmap(out.text("vcpu ").decimal(e.vcpu()).text(" bitmap"), e.bitmap());
    }

    @Override
    public AsciiBuffer visit(Event.EoiExitmapLoadSkipped e) {
        return out.text("vcpu ").decimal(e.vcpu()).text(" why ").text(e.why().name());
    }

    @Override
    public AsciiBuffer visit(Event.EoiExitmapLoadDeferred e) {
        return out.text("vcpu ").decimal(e.vcpu());
    }

    @Override
    public AsciiBuffer visit(Event.Vmcs02Prepared e) {
        bitmap(out.text("vcpu ").decimal(e.vcpu()).text(" bitmap"), e.bitmap());
        return bitmap(out.text(" wanted"), e.wantedBitmap())
                .text(" status 0x")
                .hex(e.status(), 4)
                .text(" wanted 0x")
                .hex(e.wantedStatus(), 4)
                .text(" threshold ")
                .decimal(e.threshold())
                .text(" wanted ")
                .decimal(e.wantedThreshold());
    }

    @Override
    public AsciiBuffer visit(Event.NestedEntryFailed e) {
        return out.text("vcpu ")
                .decimal(e.vcpu())
                .text(" error ")
                .text(e.error().name());
    }

    @Override
    public AsciiBuffer visit(Event.EoiVirtualized e) {
        return out.text("vcpu ").decimal(e.vcpu()).text(" vec ").decimal(e.vector());
    }

    @Override
    public AsciiBuffer visit(Event.ApicvInhibitsStored e) {
        return out.text("inhibits 0x").hex(e.inhibits());
    }

    @Override
    public AsciiBuffer visit(Event.ApicPageZapped e) {
        return out.text("gfn 0x").hex(e.frame());
    }

    @Override
    public AsciiBuffer visit(Event.ApicvUpdated e) {
        return out.text("vcpu ")
                .decimal(e.vcpu())
                .text(" active ")
                .decimal(e.active() ? 1 : 0)
                .text(" inhibits 0x")
                .hex(e.inhibits())
                .text(e.changed() ? " (changed)" : "");
    }

    @Override
    public AsciiBuffer visit(Event.VcpuBlocked e) {
        return out.text("vcpu ").decimal(e.vcpu());
    }

    @Override
    public AsciiBuffer visit(Event.VcpuReset e) {
        out.text("vcpu ").decimal(e.vcpu()).text(" tpr ").decimal(e.priority());
        bitmap(out.text(" irr"), e.irr());
        bitmap(out.text(" isr"), e.isr());
        return bitmap(out.text(" tmr"), e.tmr());
    }

    @Override
    public AsciiBuffer visit(Event.InterruptTaken e) {
        return out.text("vcpu ")
                .decimal(e.vcpu())
                .text(" vec ")
                .decimal(e.vector())
                .text(e.masked() ? " (masked)" : "");
    }

    @Override
    public AsciiBuffer visit(Event.SmiHandled e) {
        return out.text("vcpu ").decimal(e.vcpu());
    }

    @Override
    public AsciiBuffer visit(Event.SipiStarted e) {
        return out.text("vcpu ").decimal(e.vcpu()).text(" page 0x").hex(e.page());
    }

    @Override
    public AsciiBuffer visit(Event.ResampleSignalled e) {
        return out.text("irqfd ").decimal(e.irqfd());
    }

    @Override
    public AsciiBuffer visit(Event.GsiRoutingSet e) {
        out.text("seq ").decimal(e.sequence()).text(" routes ").decimal(e.routes());
        e.pins()
                .forEach(route -> out.text(" gsi ")
                        .decimal(route.gsi())
                        .text(" address 0x")
                        .hex(route.address())
                        .text(" data 0x")
                        .hex(route.data()));
        return out;
    }

    @Override
    public AsciiBuffer visit(Event.IoapicEoiPended e) {
        return out.text("vcpu ").decimal(e.vcpu()).text(" vec ").decimal(e.vector());
    }

    @Override
    public AsciiBuffer visit(Event.IoapicEoiDropped e) {
        return out.text("vcpu ").decimal(e.vcpu()).text(" vec ").decimal(e.vector());
    }

    @Override
    public AsciiBuffer visit(Event.StormUnderWay e) {
        return out.text("pin ")
                .decimal(e.pin())
                .text(" entry 0x")
                .hex(e.entry().bits(), 16)
                .text(" eois ")
                .decimal(e.eois());
    }

    @Override
    public AsciiBuffer visit(Event.RtcEoiMissing e) {
        return out.text("vcpu ").decimal(e.vcpu()).text(" vec ").decimal(e.vector());
    }

    @Override
    public AsciiBuffer visit(Event.IoapicStateSaved e) {
        return out.text("irr 0x").hex(e.irr()).text(" delivered 0x").hex(e.delivered());
    }

    @Override
    public AsciiBuffer visit(Event.IoapicStateRestored e) {
        return out.text("irr 0x").hex(e.irr());
    }

    @Override
    public AsciiBuffer visit(Event.HostCrashed e) {
        return out.text("how ").text(e.how().name());
    }

    @Override
    public AsciiBuffer visit(Event.EoiExitBitmapAudited e) {
        return bitmap(
                bitmap(
                                out.text("vcpu ")
                                        .decimal(e.vcpu())
                                        .text(" verdict ")
                                        .text(e.verdict().name())
                                        .text(" actual"),
                                e.actual())
                        .text(" expected"),
                e.expected());
    }

    @Override
    public AsciiBuffer visit(Event.LevelPinStuck e) {
        return out.text("pin ").decimal(e.pin()).text(" entry 0x").hex(e.entry().bits(), 16);
    }

    @Override
    public AsciiBuffer visit(Event.ApicvInterruptAccepted e) {
        return accepted(e.vcpu(), e.vector(), e.deliveryMode(), e.triggerMode());
    }

    @Override
    public AsciiBuffer visit(Event.PostedInterruptSet e) {
        return out.text("vcpu ")
                .decimal(e.vcpu())
                .text(" vec ")
                .decimal(e.vector())
                .text(" by ")
                .text(e.poster().name())
                .text(e.coalesced() ? COALESCED : "");
    }

    @Override
    public AsciiBuffer visit(Event.NotificationRequested e) {
        return out.text("vcpu ").decimal(e.vcpu()).text(e.coalesced() ? COALESCED : "");
    }

    @Override
    public AsciiBuffer visit(Event.PostedInterruptTriggered e) {
        return out.text("vcpu ").decimal(e.vcpu()).text(" mode ").text(e.mode().name());
    }

    @Override
    public AsciiBuffer visit(Event.PostedInterruptsSynced e) {
        return bitmap(
                out.text("vcpu ")
                        .decimal(e.vcpu())
                        .text(" by ")
                        .text(e.by().name())
                        .text(" pir"),
                e.taken());
    }

    @Override
    public AsciiBuffer visit(Event.VirtualInterruptDelivered e) {
        return out.text("vcpu ").decimal(e.vcpu()).text(" vec ").decimal(e.vector());
    }

    @Override
    public AsciiBuffer visit(Event.InterruptStateLoaded e) {
        out.text("vcpu ")
                .decimal(e.vcpu())
                .text(" apicv ")
                .decimal(e.apicv() ? 1 : 0)
                .text(" status 0x")
                .hex(e.status(), 4)
                .text(" tpr ")
                .decimal(e.priority())
                .text(" threshold ")
                .decimal(e.threshold());
        bitmap(out.text(" irr"), e.irr());
        bitmap(out.text(" isr"), e.isr());
        bitmap(out.text(" tmr"), e.tmr());
        out.text(e.hints().apicv() == Machine.Apicv.ACTIVE ? " active" : " inactive")
                .text(" irr_pending ")
                .decimal(e.hints().irrPending() ? 1 : 0)
                .text(" isr_count ")
                .decimal(e.hints().isrCount())
                .text(" highest_isr_cache ")
                .decimal(e.hints().highestIsrCache());
        return bitmap(out.text(" pir"), e.descriptor().pir())
                .text(" control 0x")
                .hex(e.descriptor().control().word(), 16);
    }

    @Override
    public AsciiBuffer visit(Event.InterruptPassedOver e) {
        return out.text("vcpu ").decimal(e.vcpu()).text(" vec ").decimal(e.vector());
    }

    @Override
    public AsciiBuffer visit(Event.IrrPendingRaised e) {
        return out.text("vcpu ").decimal(e.vcpu()).text(" vec ").decimal(e.vector());
    }

    @Override
    public AsciiBuffer visit(Event.InterruptsHeldBack e) {
        return out.text("vcpu ")
                .decimal(e.vcpu())
                .text(" nested ")
                .decimal(e.nested() ? 1 : 0)
                .text(" irr ")
                .decimal(e.requested())
                .text(" isr ")
                .decimal(e.inService())
                .text(" tpr ")
                .decimal(e.priority());
    }

    @Override
    public AsciiBuffer visit(Event.NmiUnblocked e) {
        return out.text("vcpu ").decimal(e.vcpu());
    }

    @Override
    public AsciiBuffer visit(Event.NestedStateSynced e) {
        return out.text("vcpu ")
                .decimal(e.vcpu())
                .text(" left 0x")
                .hex(e.left(), 4)
                .text(" found 0x")
                .hex(e.found(), 4);
    }

    @Override
    public AsciiBuffer visit(Event.SintRead e) {
        return out.text("vcpu ")
                .decimal(e.vcpu())
                .text(" sint ")
                .decimal(e.sint())
                .text(" vec ")
                .decimal(e.vector());
    }

    @Override
    public AsciiBuffer visit(Event.NestedInterruptPosted e) {
        return out.text("vcpu ").decimal(e.vcpu()).text(" vec ").decimal(e.vector());
    }

    @Override
    public AsciiBuffer visit(Event.NestedNotificationNoted e) {
        return out.text("vcpu ").decimal(e.vcpu());
    }

    @Override
    public AsciiBuffer visit(Event.NestedNotificationTriggered e) {
        return out.text("vcpu ").decimal(e.vcpu()).text(" mode ").text(e.mode().name());
    }

    @Override
    public AsciiBuffer visit(Event.NestedInterruptsSynced e) {
        return bitmap(
                out.text("vcpu ")
                        .decimal(e.vcpu())
                        .text(" by ")
                        .text(e.by().name())
                        .text(" pir"),
                e.taken());
    }

    @Override
    public AsciiBuffer visit(Event.NestedPostingLoaded e) {
        return bitmap(
                out.text("vcpu ")
                        .decimal(e.vcpu())
                        .text(" noted ")
                        .decimal(e.noted() ? 1 : 0)
                        .text(" pir"),
                e.pir());
    }

    @Override
    public AsciiBuffer visit(Event.InterruptRequested e) {
        return out.text("vcpu ")
                .decimal(e.vcpu())
                .text(" vec ")
                .decimal(e.vector())
                .text(" by ")
                .text(e.by().name())
                .text(e.coalesced() ? " (coalesced)" : "");
    }

    @Override
    public AsciiBuffer visit(Event.InterruptDiscarded e) {
        return out.text("vcpu ").decimal(e.vcpu()).text(" vec ").decimal(e.vector());
    }

    @Override
    public AsciiBuffer visit(Event.HostInterruptHandled e) {
        return out.text("vcpu ").decimal(e.vcpu()).text(" vec ").decimal(e.vector());
    }

    @Override
    public AsciiBuffer visit(Event.GuestDebugSet e) {
        return out.text("vcpu ").decimal(e.vcpu()).text(" block_irq ").text(e.blockIrq() ? "1" : "0");
    }

    @Override
    public AsciiBuffer visit(Event.InterruptAcknowledged e) {
        return out.text("vcpu ")
                .decimal(e.vcpu())
                .text(" vec ")
                .decimal(e.vector())
                .text(e.inService() ? "" : " (not in service)");
    }

    @Override
    public AsciiBuffer visit(Event.TaskPriorityChanged e) {
        return out.text("vcpu ").decimal(e.vcpu()).text(" tpr 0x").hex(e.priority(), 2);
    }

    @Override
    public AsciiBuffer visit(Event.LapicStateSet e) {
        out.text("vcpu ").decimal(e.vcpu()).text(" tpr 0x").hex(e.priority(), 2);
        bitmap(out.text(" spiv 0x").hex(unsigned(e.spiv())).text(" irr"), e.irr());
        bitmap(out.text(" isr"), e.isr());
        return bitmap(out.text(" tmr"), e.tmr());
    }

    @Override
    public AsciiBuffer visit(Event.ModeExchanged e) {
        return out.text("vcpu ")
                .decimal(e.vcpu())
                .text(" mode ")
                .text(e.before().name())
                .text(" -> ")
                .text(e.after().name());
    }

    @Override
    public AsciiBuffer visit(Event.ImmediateExitWanted e) {
        return out.text("vcpu ").decimal(e.vcpu());
    }

    @Override
    public AsciiBuffer visit(Event.VcpuAudited e) {
        out.text("vcpu ")
                .decimal(e.vcpu())
                .text(" phase ")
                .text(e.phase().name())
                .text(" state ")
                .text(e.state().name())
                .text(" interruptible ")
                .decimal(e.interruptible() ? 1 : 0)
                .text(" enabled ")
                .decimal(e.enabled() ? 1 : 0)
                .text(" requests 0x")
                .hex(e.requests(), 16);
        bitmap(out.text(" irr"), e.irr());
        bitmap(out.text(" isr"), e.isr());
        return bitmap(out.text(" pir"), e.pir());
    }

    @Override
    public AsciiBuffer visit(Event.PitTicked e) {
        return out.text("reinjected ").text(e.reinjected() ? "1" : "0");
    }

    @Override
    public AsciiBuffer visit(Event.VcpuSignalled e) {
        return out.text("vcpu ").decimal(e.vcpu());
    }

    @Override
    public AsciiBuffer visit(Event.NotificationHeld e) {
        return out.text("vcpu ").decimal(e.vcpu());
    }

    @Override
    public AsciiBuffer visit(Event.SleeperFound e) {
        return out.text("vcpu ")
                .decimal(e.vcpu())
                .text(" cause ")
                .text(e.cause().name());
    }

    @Override
    public AsciiBuffer visit(Event.InterruptLost e) {
        return out.text("vcpu ").decimal(e.vcpu()).text(" vec ").decimal(e.vector());
    }

    @Override
    public AsciiBuffer visit(Event.VcpuScheduledIn e) {
        return out.text("vcpu ").decimal(e.vcpu()).text(" cpu ").decimal(e.cpu());
    }

    @Override
    public AsciiBuffer visit(Event.VcpuScheduledOut e) {
        return out.text("vcpu ")
                .decimal(e.vcpu())
                .text(" cpu ")
                .decimal(e.cpu())
                .text(" why ")
                .text(e.why().name());
    }

    @Override
    public AsciiBuffer visit(Event.VmCreated e) {
        return out.text("vcpus ")
                .decimal(e.vcpus())
                .text(" protocol ")
                .text(e.protocol().name())
                .text(" reserved_pins ")
                .decimal(e.reservedPins())
                .text(" x2apic_api ")
                .decimal(e.x2apicApi());
    }

    @Override
    public AsciiBuffer visit(Event.IoapicTableSet e) {
        out.text("entries");
        e.entries().forEach(entry -> out.text(" 0x").hex(entry.bits()));
        return out;
    }

    @Override
    public AsciiBuffer visit(Event.ApicIdentityChanged e) {
        ApicIdentity i = e.identity();
        return out.text("vcpu ")
                .decimal(i.vcpu())
                .text(" xapic_id ")
                .decimal(i.xapicId())
                .text(" ldr 0x")
                .hex(i.ldr(), 8)
                .text(" dfr 0x")
                .hex(i.dfr(), 8)
                .text(" mode ")
                .text(i.mode().name())
                .text(" sw_enabled ")
                .decimal(i.softwareEnabled() ? 1 : 0)
                .text(" accepts_pic ")
                .decimal(i.acceptsPic() ? 1 : 0);
    }

    @Override
    public AsciiBuffer visit(Event.IoapicTableRead e) {
        return out.text("vcpu ").decimal(e.vcpu());
    }

    @Override
    public AsciiBuffer visit(Event.AckNotifiersChanged e) {
        return out.text("pins 0x").hex(e.pins(), 6);
    }

    @Override
    public AsciiBuffer visit(Event.IoapicServiced e) {
        return entry(out.text("pin ").decimal(e.pin()).character(' '), e.entry());
    }

    @Override
    public AsciiBuffer visit(Event.RemoteIrrSet e) {
        return entry(out.text("pin ").decimal(e.pin()).character(' '), e.entry())
                .text(" taken ")
                .decimal(e.taken());
    }

    @Override
    public AsciiBuffer visit(Event.RemoteIrrCleared e) {
        return entry(out.text("pin ").decimal(e.pin()).character(' '), e.entry());
    }

    @Override
    public AsciiBuffer visit(Event.RtcTracked e) {
        out.text("pending_eoi ").decimal(e.tracking().pendingEois()).text(" owed");
        e.tracking()
                .owed()
                .forEach(owed ->
                        out.text(" vcpu ").decimal(owed.vcpu()).text(" vec ").decimal(owed.vector()));
        return out;
    }

    @Override
    public AsciiBuffer visit(Event.SynicVectorsChanged e) {
        return bitmap(out.text("vcpu ").decimal(e.vcpu()).text(" bitmap"), e.vectors());
    }

    @Override
    public AsciiBuffer visit(Event.EoiForwarded e) {
        return out.text("vcpu ")
                .decimal(e.vcpu())
                .text(" vec ")
                .decimal(e.vector())
                .text(" trigger ")
                .text(e.trigger().name())
                .text(" suppressed ")
                .decimal(e.suppressed() ? 1 : 0);
    }

    private AsciiBuffer accepted(int vcpu, int vector, DeliveryMode deliveryMode, TriggerMode triggerMode) {
        return out.text("apicid ")
                .hex(vcpu)
                .text(" vec ")
                .decimal(vector)
                .text(" (")
                .text(deliveryMode.traceName())
                .character('|')
                .text(triggerMode.traceName())
                .character(')');
    }

    private AsciiBuffer flow(int vcpu, RequestSet.Flow flow) {
        return out.text("vcpu ")
                .decimal(vcpu)
                .text(" req ")
                .text(flow.request().name())
                .text(" seq ")
                .decimal(flow.sequence())
                .text(" flow ")
                .decimal(flowNumber(vcpu, flow));
    }

    private static AsciiBuffer bitmap(AsciiBuffer text, VectorBitmap bitmap) {
        return text.text(" 0x")
                .hex(bitmap.word0(), 16)
                .text(" 0x")
                .hex(bitmap.word1(), 16)
                .text(" 0x")
                .hex(bitmap.word2(), 16)
                .text(" 0x")
                .hex(bitmap.word3(), 16);
    }

    private static AsciiBuffer entry(AsciiBuffer text, RedirectionEntry entry) {
        text.text("dst ").hex(entry.destination()).text(" vec ").decimal(entry.vector());
        return modes(text, entry.deliveryMode().code())
                .text(entry.destinationMode().traceName())
                .character('|')
                .text(entry.triggerMode().traceName())
                .text(entry.masked() ? "|masked)" : ")");
    }

    private static AsciiBuffer modes(AsciiBuffer text, int deliveryMode) {
        return text.text(" (")
                .text(DeliveryMode.ofCode(deliveryMode).traceName())
                .character('|');
    }

    /** A register's name; the kernel has none for the second and later registers of a bank. */
    private static AsciiBuffer register(AsciiBuffer text, int offset) {
        Optional<ApicRegister> register = ApicRegister.at(offset).filter(found -> found.offset() == offset);
        return register.isPresent()
                ? text.text(register.get().traceName())
                : text.text("0x").hex(unsigned(offset));
    }

    private static String chipName(Event.IrqChip chip) {
        return switch (chip) {
            case PIC_MASTER -> "PIC master";
            case PIC_SLAVE -> "PIC slave";
            case IOAPIC -> "IOAPIC";
        };
    }

    private static String verb(Event.Access access) {
        return access == Event.Access.READ ? "read" : "write";
    }

    private static long unsigned(int word) {
        return Integer.toUnsignedLong(word);
    }
}
