package org.vcpusim.trace;

import java.util.Locale;
import org.vcpusim.kvm.Event;

/**
 * The tracepoint that an event belongs to: the kernel's where it has one, else one of the simulator's own group
 * {@code kvm_sim}.
 *
 * <p>Source: {@code TRACE_EVENT}s in arch/x86/kvm/trace.h and include/trace/events/kvm.h.
 */
public enum Tracepoint {
    KVM_ENTRY,
    KVM_EXIT,
    KVM_NESTED_VMENTER,
    KVM_NESTED_VMEXIT,
    KVM_NESTED_VMEXIT_INJECT,
    KVM_NESTED_INTR_VMEXIT,
    KVM_EOI,
    KVM_ACK_IRQ,
    KVM_SET_IRQ,
    KVM_IOAPIC_SET_IRQ,
    KVM_IOAPIC_DELAYED_EOI_INJ,
    KVM_MSI_SET_IRQ,
    KVM_PIC_SET_IRQ,
    KVM_APIC_ACCEPT_IRQ,
    KVM_APICV_ACCEPT_IRQ,
    KVM_APIC,
    KVM_APIC_IPI,
    KVM_INJ_VIRQ,
    KVM_MMIO,
    KVM_MSR,
    KVM_PIO,
    KVM_APICV_INHIBIT_CHANGED,
    KVM_HV_SYNIC_SET_IRQ,
    KVM_HV_SYNIC_SEND_EOI,
    KVM_HV_SYNIC_SET_MSR,
    KVM_HV_NOTIFY_ACKED_SINT,
    KVM_VCPU_WAKEUP,
    KVM_HALT_POLL_NS,
    KVM_USERSPACE_EXIT,
    IOAPIC_REDIR_WRITE,
    REQUEST_MADE,
    REQUEST_SEEN,
    REQUEST_APPLIED,
    IPI_SENT,
    IPI_ELIDED,
    BROADCAST_STARTED,
    BROADCAST_COMPLETED,
    ENTRY_CANCELLED,
    INTERRUPT_PASSED_OVER,
    SINT_READ,
    IRR_PENDING_RAISED,
    INTERRUPTS_HELD_BACK,
    NMI_UNBLOCKED,
    NESTED_STATE_SYNC,
    VMCS_INIT,
    IOAPIC_SCAN,
    EOI_EXITMAP_LOAD,
    EOI_EXITMAP_LOAD_SKIPPED,
    EOI_EXITMAP_LOAD_DEFERRED,
    VMCS02_PREPARED,
    NESTED_VMENTER_FAILED,
    EOI_VIRTUALIZED,
    APICV_INHIBITS_STORE,
    APIC_PAGE_ZAP,
    APICV_UPDATE,
    VCPU_BLOCK,
    VCPU_RESET,
    INTERRUPT_TAKEN,
    SMI_HANDLED,
    SIPI_STARTED,
    RESAMPLE_SIGNALLED,
    GSI_ROUTING_SET,
    IOAPIC_EOI_PENDED,
    IOAPIC_EOI_DROPPED,
    STORM_UNDER_WAY,
    RTC_EOI_MISSING,
    IOAPIC_STATE_SAVED,
    IOAPIC_STATE_RESTORED,
    HOST_CRASHED,
    EOI_EXITMAP_AUDIT,
    POSTED_INTERRUPT_SET,
    NOTIFICATION_REQUESTED,
    POSTED_INTERRUPT_TRIGGER,
    POSTED_INTERRUPTS_SYNC,
    VIRTUAL_INTERRUPT_DELIVERY,
    INTERRUPT_STATE_LOAD,
    NESTED_INTERRUPT_POSTED,
    NESTED_NOTIFICATION_NOTED,
    NESTED_NOTIFICATION_TRIGGER,
    NESTED_INTERRUPTS_SYNC,
    NESTED_POSTING_LOAD,
    VCPU_SCHED_IN,
    VCPU_SCHED_OUT,
    INTERRUPT_REQUESTED,
    INTERRUPT_DISCARDED,
    HOST_INTERRUPT_HANDLED,
    GUEST_DEBUG_SET,
    INTERRUPT_ACKNOWLEDGED,
    TASK_PRIORITY,
    LAPIC_STATE_SET,
    MODE_EXCHANGED,
    IMMEDIATE_EXIT_WANTED,
    VCPU_AUDIT,
    SLEEPER_FOUND,
    LEVEL_PIN_STUCK,
    INTERRUPT_LOST,
    VM_CREATED,
    IOAPIC_TABLE_SET,
    APIC_IDENTITY_CHANGED,
    IOAPIC_TABLE_READ,
    ACK_NOTIFIERS_CHANGED,
    IOAPIC_SERVICE,
    REMOTE_IRR_SET,
    REMOTE_IRR_CLEARED,
    RTC_TRACKED,
    SYNIC_VECTORS_CHANGED,
    EOI_FORWARDED,
    PIT_TICK,
    VCPU_SIGNALLED,
    NOTIFICATION_HELD;

    private static final Event.Visitor<Tracepoint> OF_EVENT = new OfEvent();

    private final String traceName = name().toLowerCase(Locale.ROOT);
    private final String group = traceName.startsWith("kvm_") ? "kvm" : "kvm_sim";

    /** The tracepoint of {@code event}. */
    public static Tracepoint of(Event event) {
        return event.accept(OF_EVENT);
    }

    /** The name that traces show, such as {@code kvm_entry}. */
    public String traceName() {
        return traceName;
    }

    /** The trace system: {@code kvm} or {@code kvm_sim}. */
    public String group() {
        return group;
    }

    private static final class OfEvent implements Event.Visitor<Tracepoint> {
        @Override
        public Tracepoint visit(Event.GuestEntered event) {
            return KVM_ENTRY;
        }

        @Override
        public Tracepoint visit(Event.GuestExited event) {
            return KVM_EXIT;
        }

        @Override
        public Tracepoint visit(Event.NestedEntered event) {
            return KVM_NESTED_VMENTER;
        }

        @Override
        public Tracepoint visit(Event.NestedExited event) {
            return KVM_NESTED_VMEXIT;
        }

        @Override
        public Tracepoint visit(Event.NestedExitInjected event) {
            return KVM_NESTED_VMEXIT_INJECT;
        }

        @Override
        public Tracepoint visit(Event.NestedInterrupted event) {
            return KVM_NESTED_INTR_VMEXIT;
        }

        @Override
        public Tracepoint visit(Event.EoiReceived event) {
            return KVM_EOI;
        }

        @Override
        public Tracepoint visit(Event.IrqAcknowledged event) {
            return KVM_ACK_IRQ;
        }

        @Override
        public Tracepoint visit(Event.IrqLineSet event) {
            return KVM_SET_IRQ;
        }

        @Override
        public Tracepoint visit(Event.IoapicIrqSet event) {
            return KVM_IOAPIC_SET_IRQ;
        }

        @Override
        public Tracepoint visit(Event.IoapicEoiInjectDelayed event) {
            return KVM_IOAPIC_DELAYED_EOI_INJ;
        }

        @Override
        public Tracepoint visit(Event.MsiSet event) {
            return KVM_MSI_SET_IRQ;
        }

        @Override
        public Tracepoint visit(Event.PicIrqSet event) {
            return KVM_PIC_SET_IRQ;
        }

        @Override
        public Tracepoint visit(Event.InterruptAccepted event) {
            return KVM_APIC_ACCEPT_IRQ;
        }

        @Override
        public Tracepoint visit(Event.ApicAccessed event) {
            return KVM_APIC;
        }

        @Override
        public Tracepoint visit(Event.ApicIpiSent event) {
            return KVM_APIC_IPI;
        }

        @Override
        public Tracepoint visit(Event.InterruptInjected event) {
            return KVM_INJ_VIRQ;
        }

        @Override
        public Tracepoint visit(Event.MmioAccessed event) {
            return KVM_MMIO;
        }

        @Override
        public Tracepoint visit(Event.MsrAccessed event) {
            return KVM_MSR;
        }

        @Override
        public Tracepoint visit(Event.PioAccessed event) {
            return KVM_PIO;
        }

        @Override
        public Tracepoint visit(Event.ApicvInhibitChanged event) {
            return KVM_APICV_INHIBIT_CHANGED;
        }

        @Override
        public Tracepoint visit(Event.HvSynicIrqSet event) {
            return KVM_HV_SYNIC_SET_IRQ;
        }

        @Override
        public Tracepoint visit(Event.HvSynicEoiSent event) {
            return KVM_HV_SYNIC_SEND_EOI;
        }

        @Override
        public Tracepoint visit(Event.HvSynicMsrSet event) {
            return KVM_HV_SYNIC_SET_MSR;
        }

        @Override
        public Tracepoint visit(Event.HvSintAcked event) {
            return KVM_HV_NOTIFY_ACKED_SINT;
        }

        @Override
        public Tracepoint visit(Event.VcpuWoken event) {
            return KVM_VCPU_WAKEUP;
        }

        @Override
        public Tracepoint visit(Event.HaltPollChanged event) {
            return KVM_HALT_POLL_NS;
        }

        @Override
        public Tracepoint visit(Event.UserspaceExited event) {
            return KVM_USERSPACE_EXIT;
        }

        @Override
        public Tracepoint visit(Event.RedirectionEntryWritten event) {
            return IOAPIC_REDIR_WRITE;
        }

        @Override
        public Tracepoint visit(Event.RequestMade event) {
            return REQUEST_MADE;
        }

        @Override
        public Tracepoint visit(Event.RequestSeen event) {
            return REQUEST_SEEN;
        }

        @Override
        public Tracepoint visit(Event.RequestApplied event) {
            return REQUEST_APPLIED;
        }

        @Override
        public Tracepoint visit(Event.IpiSent event) {
            return IPI_SENT;
        }

        @Override
        public Tracepoint visit(Event.IpiElided event) {
            return IPI_ELIDED;
        }

        @Override
        public Tracepoint visit(Event.BroadcastStarted event) {
            return BROADCAST_STARTED;
        }

        @Override
        public Tracepoint visit(Event.BroadcastCompleted event) {
            return BROADCAST_COMPLETED;
        }

        @Override
        public Tracepoint visit(Event.EntryCancelled event) {
            return ENTRY_CANCELLED;
        }

        @Override
        public Tracepoint visit(Event.VmcsInitialised event) {
            return VMCS_INIT;
        }

        @Override
        public Tracepoint visit(Event.IoapicScanned event) {
            return IOAPIC_SCAN;
        }

        @Override
        public Tracepoint visit(Event.EoiExitmapLoaded event) {
            return EOI_EXITMAP_LOAD;
        }

        @Override
        public Tracepoint visit(Event.EoiExitmapLoadSkipped event) {
            return EOI_EXITMAP_LOAD_SKIPPED;
        }

        @Override
        public Tracepoint visit(Event.EoiExitmapLoadDeferred event) {
            return EOI_EXITMAP_LOAD_DEFERRED;
        }

        @Override
        public Tracepoint visit(Event.Vmcs02Prepared event) {
            return VMCS02_PREPARED;
        }

        @Override
        public Tracepoint visit(Event.NestedEntryFailed event) {
            return NESTED_VMENTER_FAILED;
        }

        @Override
        public Tracepoint visit(Event.EoiVirtualized event) {
            return EOI_VIRTUALIZED;
        }

        @Override
        public Tracepoint visit(Event.ApicvInhibitsStored event) {
            return APICV_INHIBITS_STORE;
        }

        @Override
        public Tracepoint visit(Event.ApicPageZapped event) {
            return APIC_PAGE_ZAP;
        }

        @Override
        public Tracepoint visit(Event.ApicvUpdated event) {
            return APICV_UPDATE;
        }

        @Override
        public Tracepoint visit(Event.VcpuBlocked event) {
            return VCPU_BLOCK;
        }

        @Override
        public Tracepoint visit(Event.VcpuReset event) {
            return VCPU_RESET;
        }

        @Override
        public Tracepoint visit(Event.InterruptTaken event) {
            return INTERRUPT_TAKEN;
        }

        @Override
        public Tracepoint visit(Event.SmiHandled event) {
            return SMI_HANDLED;
        }

        @Override
        public Tracepoint visit(Event.SipiStarted event) {
            return SIPI_STARTED;
        }

        @Override
        public Tracepoint visit(Event.ResampleSignalled event) {
            return RESAMPLE_SIGNALLED;
        }

        @Override
        public Tracepoint visit(Event.GsiRoutingSet event) {
            return GSI_ROUTING_SET;
        }

        @Override
        public Tracepoint visit(Event.IoapicEoiPended event) {
            return IOAPIC_EOI_PENDED;
        }

        @Override
        public Tracepoint visit(Event.IoapicEoiDropped event) {
            return IOAPIC_EOI_DROPPED;
        }

        @Override
        public Tracepoint visit(Event.StormUnderWay event) {
            return STORM_UNDER_WAY;
        }

        @Override
        public Tracepoint visit(Event.RtcEoiMissing event) {
            return RTC_EOI_MISSING;
        }

        @Override
        public Tracepoint visit(Event.IoapicStateSaved event) {
            return IOAPIC_STATE_SAVED;
        }

        @Override
        public Tracepoint visit(Event.IoapicStateRestored event) {
            return IOAPIC_STATE_RESTORED;
        }

        @Override
        public Tracepoint visit(Event.HostCrashed event) {
            return HOST_CRASHED;
        }

        @Override
        public Tracepoint visit(Event.EoiExitBitmapAudited event) {
            return EOI_EXITMAP_AUDIT;
        }

        @Override
        public Tracepoint visit(Event.LevelPinStuck event) {
            return LEVEL_PIN_STUCK;
        }

        @Override
        public Tracepoint visit(Event.ApicvInterruptAccepted event) {
            return KVM_APICV_ACCEPT_IRQ;
        }

        @Override
        public Tracepoint visit(Event.PostedInterruptSet event) {
            return POSTED_INTERRUPT_SET;
        }

        @Override
        public Tracepoint visit(Event.NotificationRequested event) {
            return NOTIFICATION_REQUESTED;
        }

        @Override
        public Tracepoint visit(Event.PostedInterruptTriggered event) {
            return POSTED_INTERRUPT_TRIGGER;
        }

        @Override
        public Tracepoint visit(Event.PostedInterruptsSynced event) {
            return POSTED_INTERRUPTS_SYNC;
        }

        @Override
        public Tracepoint visit(Event.VirtualInterruptDelivered event) {
            return VIRTUAL_INTERRUPT_DELIVERY;
        }

        @Override
        public Tracepoint visit(Event.InterruptStateLoaded event) {
            return INTERRUPT_STATE_LOAD;
        }

        @Override
        public Tracepoint visit(Event.IrrPendingRaised event) {
            return IRR_PENDING_RAISED;
        }

        @Override
        public Tracepoint visit(Event.InterruptsHeldBack event) {
            return INTERRUPTS_HELD_BACK;
        }

        @Override
        public Tracepoint visit(Event.NmiUnblocked event) {
            return NMI_UNBLOCKED;
        }

        @Override
        public Tracepoint visit(Event.NestedStateSynced event) {
            return NESTED_STATE_SYNC;
        }

        @Override
        public Tracepoint visit(Event.SintRead event) {
            return SINT_READ;
        }

        @Override
        public Tracepoint visit(Event.InterruptPassedOver event) {
            return INTERRUPT_PASSED_OVER;
        }

        @Override
        public Tracepoint visit(Event.NestedInterruptPosted event) {
            return NESTED_INTERRUPT_POSTED;
        }

        @Override
        public Tracepoint visit(Event.NestedNotificationNoted event) {
            return NESTED_NOTIFICATION_NOTED;
        }

        @Override
        public Tracepoint visit(Event.NestedNotificationTriggered event) {
            return NESTED_NOTIFICATION_TRIGGER;
        }

        @Override
        public Tracepoint visit(Event.NestedInterruptsSynced event) {
            return NESTED_INTERRUPTS_SYNC;
        }

        @Override
        public Tracepoint visit(Event.NestedPostingLoaded event) {
            return NESTED_POSTING_LOAD;
        }

        @Override
        public Tracepoint visit(Event.InterruptLost event) {
            return INTERRUPT_LOST;
        }

        @Override
        public Tracepoint visit(Event.VcpuScheduledIn event) {
            return VCPU_SCHED_IN;
        }

        @Override
        public Tracepoint visit(Event.VcpuScheduledOut event) {
            return VCPU_SCHED_OUT;
        }

        @Override
        public Tracepoint visit(Event.VmCreated event) {
            return VM_CREATED;
        }

        @Override
        public Tracepoint visit(Event.IoapicTableSet event) {
            return IOAPIC_TABLE_SET;
        }

        @Override
        public Tracepoint visit(Event.ApicIdentityChanged event) {
            return APIC_IDENTITY_CHANGED;
        }

        @Override
        public Tracepoint visit(Event.IoapicTableRead event) {
            return IOAPIC_TABLE_READ;
        }

        @Override
        public Tracepoint visit(Event.AckNotifiersChanged event) {
            return ACK_NOTIFIERS_CHANGED;
        }

        @Override
        public Tracepoint visit(Event.IoapicServiced event) {
            return IOAPIC_SERVICE;
        }

        @Override
        public Tracepoint visit(Event.RemoteIrrSet event) {
            return REMOTE_IRR_SET;
        }

        @Override
        public Tracepoint visit(Event.RemoteIrrCleared event) {
            return REMOTE_IRR_CLEARED;
        }

        @Override
        public Tracepoint visit(Event.RtcTracked event) {
            return RTC_TRACKED;
        }

        @Override
        public Tracepoint visit(Event.SynicVectorsChanged event) {
            return SYNIC_VECTORS_CHANGED;
        }

        @Override
        public Tracepoint visit(Event.EoiForwarded event) {
            return EOI_FORWARDED;
        }

        @Override
        public Tracepoint visit(Event.InterruptRequested event) {
            return INTERRUPT_REQUESTED;
        }

        @Override
        public Tracepoint visit(Event.InterruptDiscarded event) {
            return INTERRUPT_DISCARDED;
        }

        @Override
        public Tracepoint visit(Event.HostInterruptHandled event) {
            return HOST_INTERRUPT_HANDLED;
        }

        @Override
        public Tracepoint visit(Event.GuestDebugSet event) {
            return GUEST_DEBUG_SET;
        }

        @Override
        public Tracepoint visit(Event.InterruptAcknowledged event) {
            return INTERRUPT_ACKNOWLEDGED;
        }

        @Override
        public Tracepoint visit(Event.TaskPriorityChanged event) {
            return TASK_PRIORITY;
        }

        @Override
        public Tracepoint visit(Event.LapicStateSet event) {
            return LAPIC_STATE_SET;
        }

        @Override
        public Tracepoint visit(Event.ModeExchanged event) {
            return MODE_EXCHANGED;
        }

        @Override
        public Tracepoint visit(Event.ImmediateExitWanted event) {
            return IMMEDIATE_EXIT_WANTED;
        }

        @Override
        public Tracepoint visit(Event.VcpuAudited event) {
            return VCPU_AUDIT;
        }

        @Override
        public Tracepoint visit(Event.PitTicked event) {
            return PIT_TICK;
        }

        @Override
        public Tracepoint visit(Event.VcpuSignalled event) {
            return VCPU_SIGNALLED;
        }

        @Override
        public Tracepoint visit(Event.NotificationHeld event) {
            return NOTIFICATION_HELD;
        }

        @Override
        public Tracepoint visit(Event.SleeperFound event) {
            return SLEEPER_FOUND;
        }
    }
}
