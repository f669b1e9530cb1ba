package org.vcpusim.kvm;

import java.util.List;
import org.vcpusim.arch.DeliveryMode;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.PostedInterruptDescriptor;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.arch.VmInstructionError;

/**
 * Something that happened in the simulated machine.
 *
 * <p>Where the kernel has a tracepoint for it, the record carries that tracepoint's fields; the rest belong to the
 * simulator's own group {@code kvm_sim}. {@code vcpu} is always the index of a vCPU. Java 17 has no pattern switch, so
 * consumers implement {@link Visitor} and the compiler checks that none is forgotten.
 */
public sealed interface Event {
    /** Calls the method of {@code visitor} for this event. */
    <R> R accept(Visitor<R> visitor);

    /** Something that happened to one vCPU, or that it did. */
    sealed interface OfVcpu extends Event {
        /** Index of the vCPU. */
        int vcpu();
    }

    /** Direction of an access. */
    enum Access {
        READ,
        WRITE
    }

    /** An interrupt controller that ack notifiers name. */
    enum IrqChip {
        PIC_MASTER,
        PIC_SLAVE,
        IOAPIC
    }

    /** Host interrupt vectors; arch/x86/include/asm/irq_vectors.h. */
    enum HostVector {
        RESCHEDULE(0xfd),
        CALL_FUNCTION(0xfc),
        POSTED_INTR(0xf2),
        POSTED_INTR_WAKEUP(0xf1),
        POSTED_INTR_NESTED(0xf0),
        /** Of any device. */
        DEVICE(0x24);

        private final int number;

        HostVector(int number) {
            this.number = number;
        }

        /** The vector in the host's interrupt table. */
        public int number() {
            return number;
        }
    }

    /** How the host's kernel fails. */
    enum HostCrash {
        /** It uses a local APIC that was never created. */
        NO_LOCAL_APIC,
        /** It uses an IOAPIC that was never created. */
        NO_IOAPIC,
        /** A function calls itself until the stack is used up. */
        STACK_OVERFLOW
    }

    /** Who posts an interrupt. */
    enum Poster {
        /** KVM, on behalf of a CPU: three steps. */
        CPU,
        /** A device, through the IOMMU: one. */
        DEVICE
    }

    /** Why a thread lost its processor. */
    enum ScheduledOut {
        /** The host wanted it. */
        PREEMPTED,
        /** There was nothing to do. */
        BLOCKED,
        /** KVM_RUN returned. */
        USERSPACE
    }

    /** Why a vCPU is woken. */
    enum WakeCause {
        /** By a request, or by a kick behind one. */
        REQUEST,
        /** By an interrupt that was posted, or that its own processor took for it. */
        INTERRUPT,
        /** By a signal: KVM_RUN is to return. */
        SIGNAL
    }

    /** Who takes what was posted. */
    enum SyncedBy {
        /** The vCPU's thread. */
        KVM,
        /** The processor, in the guest. */
        PROCESSOR,
        /** A guest hypervisor, before it runs its guest. */
        L1
    }

    /** Why KVM_RUN returned; {@code KVM_EXIT_*} in include/uapi/linux/kvm.h. */
    enum UserspaceExit {
        KVM_EXIT_IO(2),
        KVM_EXIT_HLT(5),
        KVM_EXIT_MMIO(6),
        KVM_EXIT_INTR(10),
        KVM_EXIT_HYPERV(27),
        KVM_EXIT_IOAPIC_EOI(26);

        private final int number;

        UserspaceExit(int number) {
            this.number = number;
        }

        /** The number in the kernel's interface. */
        public int number() {
            return number;
        }
    }

    /** Why a load wrote nothing. */
    enum LoadSkipped {
        APIC_HW_DISABLED,
        APICV_INACTIVE
    }

    /** What an audit found. */
    enum BitmapVerdict {
        /** The bitmap equals a fresh scan. */
        EQUAL,
        /** It has every vector it needs, and stale ones: EOIs of those exit for nothing. */
        STALE_EXTRA,
        /** A request is pending that will renew it; legal for a vCPU that is not running. */
        PENDING,
        /** APICv is inactive or the local APIC disabled: nothing reads the bitmap. */
        UNUSED,
        /**
         * It differs because a load found APICv inactive, and none has come since APICv is active again: a hazard that Linux
         * has too, which the next scan ends.
         */
        STALE_SINCE_INHIBIT,
        /** It lacks a vector or was never loaded: an EOI will be lost. */
        WRONG
    }

    /** What APICv was like for a vCPU when it entered the guest. */
    enum ApicvAtEntry {
        /** Active, and so are the controls. */
        ACTIVE,
        /** Inactive, and so are the controls. */
        INACTIVE,
        /** Inactive, with the local APIC disabled in IA32_APIC_BASE, which is reason enough. */
        APIC_DISABLED,
        /** Active although the local APIC is disabled in IA32_APIC_BASE. */
        ACTIVE_APIC_DISABLED,
        /** The vCPU's flag says one thing, a control another. */
        CONTROLS_DIFFER,
        /** The controls or the MSR bitmap are those of another mode of the local APIC. */
        MODE_DIFFERS
    }

    /**
     * VM entry: kvm_entry. The kernel prints all but the last two.
     *
     * @param rip guest instruction pointer
     * @param interruptionInformation VM_ENTRY_INTR_INFO_FIELD
     * @param requests the requests word at the commit, which a correct entry finds 0
     */
    record GuestEntered(int vcpu, long rip, int interruptionInformation, long requests, ApicvAtEntry apicv)
            implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * VM exit: kvm_exit.
     *
     * @param rip guest instruction pointer
     * @param qualification EXIT_QUALIFICATION, printed as info1
     * @param interruptionInformation VM_EXIT_INTR_INFO
     * @param requests the requests word
     */
    record GuestExited(
            int vcpu, ExitReason reason, long rip, long qualification, int interruptionInformation, long requests)
            implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * L1 ran L2: kvm_nested_vmenter.
     *
     * @param rip of L1
     * @param nestedRip of L2
     * @param interruptStatus GUEST_INTR_STATUS of vmcs12, printed as int_ctl
     * @param eventInjection VM_ENTRY_INTR_INFO_FIELD of vmcs12
     */
    record NestedEntered(int vcpu, long rip, long nestedRip, int interruptStatus, int eventInjection)
            implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * A VM exit from L2, whoever handles it: kvm_nested_vmexit. The fields are those of {@link GuestExited}, which comes
     * before it.
     */
    record NestedExited(
            int vcpu, ExitReason reason, long rip, long qualification, int interruptionInformation, long requests)
            implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * L2 was left for L1: kvm_nested_vmexit_inject.
     *
     * @param qualification EXIT_QUALIFICATION of vmcs12
     * @param interruptionInformation VM_EXIT_INTR_INFO of vmcs12
     */
    record NestedExitInjected(int vcpu, ExitReason reason, long qualification, int interruptionInformation)
            implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** An interrupt for L1 makes L2 leave: kvm_nested_intr_vmexit. */
    record NestedInterrupted(int vcpu, long rip) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * A local APIC took an EOI: kvm_eoi.
     *
     * @param vector the vector it ended, or -1
     */
    record EoiReceived(int vcpu, int vector) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** Ack notifiers of a pin were called: kvm_ack_irq. */
    record IrqAcknowledged(IrqChip chip, int pin) implements Event {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * A GSI's level was set: kvm_set_irq.
     *
     * @param level 0 or 1
     * @param source interrupt source id
     */
    record IrqLineSet(int gsi, int level, int source) implements Event {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * An IOAPIC pin's line was set: kvm_ioapic_set_irq.
     *
     * @param entry as it was when the line was set
     * @param coalesced nobody was interrupted by it
     * @param sources those that assert the line, a bit a source; not in the kernel's tracepoint
     * @param raised whether the line counts as asserted, or for an edge pin as having risen; not in the kernel's tracepoint
     */
    record IoapicIrqSet(RedirectionEntry entry, int pin, boolean coalesced, int sources, boolean raised)
            implements Event {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** Too many EOIs in a row with the line high: kvm_ioapic_delayed_eoi_inj. */
    record IoapicEoiInjectDelayed(RedirectionEntry entry) implements Event {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** An MSI was sent: kvm_msi_set_irq. */
    record MsiSet(long address, int data) implements Event {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * A PIC input was set: kvm_pic_set_irq.
     *
     * @param chip 0 master, 1 slave
     * @param pin 0 to 7
     * @param elcr edge/level control register
     * @param imr interrupt mask register
     */
    record PicIrqSet(int chip, int pin, int elcr, int imr, boolean coalesced) implements Event {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** A message reached a local APIC, which may still discard it: kvm_apic_accept_irq. */
    record InterruptAccepted(int vcpu, DeliveryMode deliveryMode, TriggerMode triggerMode, int vector)
            implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * A local APIC register was accessed: kvm_apic. The kernel prints all but the size.
     *
     * @param offset in the register page
     * @param size of the access in bytes: the processor virtualizes none of 8
     */
    record ApicAccessed(int vcpu, Access access, int offset, int size, long value) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * A guest wrote the ICR: kvm_apic_ipi.
     *
     * @param vcpu the sender
     */
    record ApicIpiSent(int vcpu, int icrLow, int destination) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** An interrupt was put into the VM-entry field: kvm_inj_virq. */
    record InterruptInjected(int vcpu, int vector, boolean reinjected) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * A memory-mapped access was emulated: kvm_mmio.
     *
     * @param length bytes
     * @param address guest-physical
     */
    record MmioAccessed(int vcpu, Access access, int length, long address, long value) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * An MSR access was emulated: kvm_msr.
     *
     * @param fault it raised #GP
     */
    record MsrAccessed(int vcpu, Access access, int msr, long value, boolean fault) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** A port access was emulated: kvm_pio. */
    record PioAccessed(int vcpu, Access access, int port, int value) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * A reason for which APICv is off began or ended to hold, or might have: kvm_apicv_inhibit_changed. The mask that vCPUs
     * find changes later, see {@link ApicvInhibitsStored}.
     *
     * @param inhibits the mask that it makes
     */
    record ApicvInhibitChanged(ApicvInhibit reason, ApicvInhibit.Change change, long inhibits) implements Event {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * A source of a SynIC interrupted: kvm_hv_synic_set_irq.
     *
     * @param result what the delivery returned
     */
    record HvSynicIrqSet(int vcpu, int sint, int vector, int result) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** A vector of a SynIC has ended in software: kvm_hv_synic_send_eoi. */
    record HvSynicEoiSent(int vcpu, int vector) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** A guest wrote a register of its SynIC: kvm_hv_synic_set_msr. */
    record HvSynicMsrSet(int vcpu, int msr, long value) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** What a source of a SynIC has sent was ended or acknowledged: kvm_hv_notify_acked_sint. */
    record HvSintAcked(int vcpu, int sint) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** A blocked vCPU was woken, or found something to do before it slept: kvm_vcpu_wakeup. */
    record VcpuWoken(int vcpu, Wait waiting) implements OfVcpu {
        /** It slept. */
        public VcpuWoken(int vcpu) {
            this(vcpu, Wait.WAIT);
        }

        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** How a vCPU waited for something to do. */
    enum Wait {
        /** Asleep. */
        WAIT,
        /** Looking around. */
        POLL
    }

    /** A vCPU will look around for longer, or for less long, before it sleeps: kvm_halt_poll_ns. */
    record HaltPollChanged(int vcpu, long windowNanos, long beforeNanos) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** KVM_RUN returned: kvm_userspace_exit. */
    record UserspaceExited(int vcpu, UserspaceExit reason) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * A guest wrote half of a redirection entry: kvm_sim:ioapic_redir_write.
     *
     * @param sequence number of this write, from 1
     * @param operation joins it with the broadcast that follows; 0 for user space's IOAPIC, which is followed by none
     */
    record RedirectionEntryWritten(
            int pin, RedirectionEntry before, RedirectionEntry after, int sequence, int operation) implements Event {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * A request bit was set: kvm_sim:request_made.
     *
     * @param vcpu the target
     * @param coalesced the bit was set already
     * @param phase where the target's thread was
     */
    record RequestMade(int vcpu, RequestSet.Flow flow, boolean coalesced, EntryPhase phase) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** The target found the bit set and, unless a fault says otherwise, cleared it: kvm_sim:request_seen. */
    record RequestSeen(int vcpu, RequestSet.Flow flow) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** The target has done what the request asked: kvm_sim:request_applied. */
    record RequestApplied(int vcpu, RequestSet.Flow flow) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * A requester sent an IPI to a vCPU's processor: kvm_sim:ipi_sent.
     *
     * @param vcpu the target
     */
    record IpiSent(int vcpu, HostVector vector) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * A requester found that no IPI is needed: kvm_sim:ipi_elided.
     *
     * @param vcpu the target
     * @param mode the mode the requester found
     */
    record IpiElided(int vcpu, VcpuMode mode) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * A request to several vCPUs begins: kvm_sim:broadcast_started.
     *
     * @param operation joins start and end
     * @param targets how many vCPUs
     */
    record BroadcastStarted(int operation, VcpuRequest request, int targets) implements Event {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** A request has been made on every target, and where it waits every IPI was acknowledged: kvm_sim:broadcast_completed. */
    record BroadcastCompleted(int operation, VcpuRequest request) implements Event {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * The vCPU abandoned a VM entry: kvm_sim:entry_cancelled.
     *
     * @param mode as it was found
     * @param requests the requests word
     */
    record EntryCancelled(int vcpu, VcpuMode mode, long requests) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * init_vmcs ran: kvm_sim:vmcs_init.
     *
     * @param apicv the APICv fields were written
     */
    record VmcsInitialised(int vcpu, boolean apicv) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * The vCPU computed its handled vectors: kvm_sim:ioapic_scan.
     *
     * @param sequence table writes seen by the scan
     * @param pending what it found requested, posted or in service
     */
    record IoapicScanned(int vcpu, VectorBitmap handled, int sequence, VectorBitmap pending) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** EOI_EXIT_BITMAP0 to 3 were written: kvm_sim:eoi_exitmap_load. */
    record EoiExitmapLoaded(int vcpu, VectorBitmap bitmap) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** A load wrote nothing: kvm_sim:eoi_exitmap_load_skipped. */
    record EoiExitmapLoadSkipped(int vcpu, LoadSkipped why) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** L2 runs, and vmcs01 has to wait for the vectors of a scan: kvm_sim:eoi_exitmap_load_deferred. */
    record EoiExitmapLoadDeferred(int vcpu) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * vmcs02 was made for L2: kvm_sim:vmcs02_prepared. What is wanted stands in vmcs12.
     *
     * @param bitmap its EOI-exit bitmap
     * @param status its guest interrupt status
     * @param threshold its TPR threshold
     */
    @SuppressWarnings("TooManyParameters") // three fields, twice
    record Vmcs02Prepared(
            int vcpu,
            VectorBitmap bitmap,
            VectorBitmap wantedBitmap,
            int status,
            int wantedStatus,
            int threshold,
            int wantedThreshold)
            implements OfVcpu {
        /** As it should be, with {@code bitmap} and no more. */
        public Vmcs02Prepared(int vcpu, VectorBitmap bitmap) {
            this(vcpu, bitmap, bitmap, 0, 0, 0, 0);
        }

        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** L1's VMRESUME failed: kvm_sim:nested_vmenter_failed. */
    record NestedEntryFailed(int vcpu, VmInstructionError error) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** An EOI ended inside the guest, without VM exit: kvm_sim:eoi_virtualized. */
    record EoiVirtualized(int vcpu, int vector) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** The VM's mask of inhibits has another value: kvm_sim:apicv_inhibits_store. */
    record ApicvInhibitsStored(long inhibits) implements Event {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** The mapping of the APIC page was removed: kvm_sim:apic_page_zap. */
    record ApicPageZapped(long frame) implements Event {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * The vCPU looked at the VM's inhibits and at its local APIC's mode: kvm_sim:apicv_update.
     *
     * @param active whether APICv is active for it from now on
     * @param inhibits the mask it found
     * @param changed whether it was otherwise before
     */
    record ApicvUpdated(int vcpu, boolean active, long inhibits, boolean changed) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** The vCPU went to sleep: kvm_sim:vcpu_block. */
    record VcpuBlocked(int vcpu) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * The vCPU was reset by INIT: kvm_sim:vcpu_reset. The rest is what INIT has left in the local APIC.
     *
     * @param priority TPR
     */
    record VcpuReset(int vcpu, int priority, VectorBitmap irr, VectorBitmap isr, VectorBitmap tmr) implements OfVcpu {
        /** As it should be: nothing is left. */
        public VcpuReset(int vcpu) {
            this(vcpu, 0, VectorBitmap.EMPTY, VectorBitmap.EMPTY, VectorBitmap.EMPTY);
        }

        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * The processor took an interrupt or exception: kvm_sim:interrupt_taken.
     *
     * @param masked the guest had maskable interrupts off
     */
    record InterruptTaken(int vcpu, int vector, boolean masked) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** An SMI was handled; the handler only returns: kvm_sim:smi_handled. */
    record SmiHandled(int vcpu) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * A start-up IPI started the vCPU: kvm_sim:sipi_started.
     *
     * @param page of the first instruction
     */
    record SipiStarted(int vcpu, int page) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** An irqfd's resample event was signalled: kvm_sim:resample_signalled. */
    record ResampleSignalled(int irqfd) implements Event {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * KVM_SET_GSI_ROUTING published a table: kvm_sim:gsi_routing_set.
     *
     * @param sequence number of this table, from 1
     * @param routes how many it has
     * @param pins those that stand for pins of an IOAPIC in user space
     */
    record GsiRoutingSet(int sequence, int routes, List<Routing.MsiRoute> pins) implements Event {
        public GsiRoutingSet {
            pins = List.copyOf(pins);
        }

        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** An EOI that user space's IOAPIC handles waits for KVM_RUN to return: kvm_sim:ioapic_eoi_pended. */
    record IoapicEoiPended(int vcpu, int vector) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** That EOI was forgotten, since its vector is not handled any more: kvm_sim:ioapic_eoi_dropped. */
    record IoapicEoiDropped(int vcpu, int vector) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** So many EOIs in a row have found the line of a pin high when the VM starts: kvm_sim:storm_under_way. */
    record StormUnderWay(int pin, RedirectionEntry entry, int eois) implements Event {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** At quiescence the RTC counts an EOI of a vector that no local APIC holds: kvm_sim:rtc_eoi_missing. */
    record RtcEoiMissing(int vcpu, int vector) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** User space reads the IOAPIC's state: the lines it is told are high, and the edges that were delivered: kvm_sim:ioapic_state_saved. */
    record IoapicStateSaved(int irr, int delivered) implements Event {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** User space replaces the IOAPIC's state, with these lines high: kvm_sim:ioapic_state_restored. */
    record IoapicStateRestored(int irr) implements Event {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** The host dereferenced nothing, or ran out of stack: kvm_sim:host_crashed. */
    record HostCrashed(HostCrash how) implements Event {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** At quiescence the bitmap was compared with a fresh scan: kvm_sim:eoi_exitmap_audit. */
    record EoiExitBitmapAudited(int vcpu, VectorBitmap actual, VectorBitmap expected, BitmapVerdict verdict)
            implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** At quiescence remote IRR is set and no local APIC holds the vector: kvm_sim:level_pin_stuck. */
    record LevelPinStuck(int pin, RedirectionEntry entry) implements Event {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** An interrupt was posted to a vCPU whose APICv is active: kvm_apicv_accept_irq. */
    record ApicvInterruptAccepted(int vcpu, DeliveryMode deliveryMode, TriggerMode triggerMode, int vector)
            implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * A request was set in PIR: kvm_sim:posted_interrupt_set.
     *
     * @param vcpu the target
     * @param coalesced it was set already
     */
    record PostedInterruptSet(int vcpu, int vector, Poster poster, boolean coalesced) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * ON was set: kvm_sim:notification_requested.
     *
     * @param vcpu the target
     * @param coalesced it was set already, so that somebody else sees to the notification
     */
    record NotificationRequested(int vcpu, boolean coalesced) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * Who set ON has read the mode: a vCPU in guest mode is notified, any other woken: kvm_sim:posted_interrupt_trigger.
     *
     * @param vcpu the target
     */
    record PostedInterruptTriggered(int vcpu, VcpuMode mode) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * ON was cleared and PIR moved to IRR: kvm_sim:posted_interrupts_sync.
     *
     * @param taken what was in PIR
     */
    record PostedInterruptsSynced(int vcpu, VectorBitmap taken, SyncedBy by) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** The processor delivered a virtual interrupt, without KVM: kvm_sim:virtual_interrupt_delivery. */
    record VirtualInterruptDelivered(int vcpu, int vector) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * What a VM entry finds in the local APIC and the posted-interrupt descriptor, where there is anything:
     * kvm_sim:interrupt_state_load.
     *
     * @param apicv whether APICv is active and L1 runs, so that the processor uses {@code status} with this IRR and ISR
     * @param status the guest interrupt status: RVI in bits 7:0, SVI in bits 15:8
     * @param priority TPR
     * @param threshold the TPR threshold
     * @param hints what KVM has noted of the registers
     */
    record InterruptStateLoaded(
            int vcpu,
            boolean apicv,
            int status,
            int priority,
            int threshold,
            VectorBitmap irr,
            VectorBitmap isr,
            VectorBitmap tmr,
            LapicHints hints,
            PostedInterruptDescriptor descriptor)
            implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** L1 has requested a vector in its posted-interrupt descriptor for L2: kvm_sim:nested_interrupt_posted. */
    record NestedInterruptPosted(int vcpu, int vector) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** L1's notification vector has come for L2; KVM notes that, and makes KVM_REQ_EVENT: kvm_sim:nested_notification_noted. */
    record NestedNotificationNoted(int vcpu) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * Who noted it has read the mode: a vCPU in guest mode is notified, any other woken: kvm_sim:nested_notification_trigger.
     */
    record NestedNotificationTriggered(int vcpu, VcpuMode mode) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** What L1 posted to L2 is requested in L2's virtual local APIC: kvm_sim:nested_interrupts_sync. */
    record NestedInterruptsSynced(int vcpu, SyncedBy by, VectorBitmap taken) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * L2 is entered while ON is set in L1's descriptor: kvm_sim:nested_posting_load.
     *
     * @param noted KVM has noted a notification, and not looked since
     */
    record NestedPostingLoaded(int vcpu, boolean noted, VectorBitmap pir) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** At quiescence a halted guest that would take the vector sleeps: kvm_sim:interrupt_lost. */
    record InterruptLost(int vcpu, int vector) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** A vCPU's thread got processor {@code cpu} of the host: kvm_sim:vcpu_sched_in. */
    record VcpuScheduledIn(int vcpu, int cpu) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** A vCPU's thread lost processor {@code cpu} of the host: kvm_sim:vcpu_sched_out. */
    record VcpuScheduledOut(int vcpu, int cpu, ScheduledOut why) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * What a VM is like when it starts: kvm_sim:vm_created.
     *
     * @param vcpus how many
     * @param protocol how table changes reach the bitmaps
     * @param reservedPins GSIs of user space's IOAPIC, or -1 where the IOAPIC is in the kernel
     * @param x2apicApi flags of KVM_CAP_X2APIC_API
     */
    record VmCreated(int vcpus, Protocol protocol, int reservedPins, int x2apicApi) implements Event {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** The redirection table has other entries, at the start or by KVM_SET_IRQCHIP: kvm_sim:ioapic_table_set. */
    record IoapicTableSet(List<RedirectionEntry> entries) implements Event {
        public IoapicTableSet {
            entries = List.copyOf(entries);
        }

        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** A local APIC is there, or is addressed differently, from now on: kvm_sim:apic_identity_changed. */
    record ApicIdentityChanged(ApicIdentity identity) implements Event {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** What a scan of {@code vcpu} reads was shown to it, as it is now: kvm_sim:ioapic_table_read. */
    record IoapicTableRead(int vcpu) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * Ack notifiers came or went: kvm_sim:ack_notifiers_changed.
     *
     * @param pins those of the IOAPIC whose GSI has one, a bit a pin
     */
    record AckNotifiersChanged(int pins) implements Event {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * A pin interrupts: kvm_sim:ioapic_service. Who accepts follows.
     *
     * @param entry as it is sent
     */
    record IoapicServiced(int pin, RedirectionEntry entry) implements Event {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * A level pin waits for an EOI: kvm_sim:remote_irr_set.
     *
     * @param entry with remote IRR
     * @param taken how many vCPUs took the interrupt, or -1 where there was no destination
     */
    record RemoteIrrSet(int pin, RedirectionEntry entry, int taken) implements Event {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * An EOI ended the wait of a level pin: kvm_sim:remote_irr_cleared.
     *
     * @param entry without remote IRR
     */
    record RemoteIrrCleared(int pin, RedirectionEntry entry) implements Event {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** Who owes an EOI for an interrupt of pin 8 has changed: kvm_sim:rtc_tracked. */
    record RtcTracked(RtcTracking tracking) implements Event {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** The vectors of a vCPU's SynIC are others, or there from the start: kvm_sim:synic_vectors_changed. */
    record SynicVectorsChanged(int vcpu, VectorBitmap vectors) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * A vCPU's EOI goes to the IOAPIC in the kernel: kvm_sim:eoi_forwarded.
     *
     * @param trigger as TMR has it
     * @param suppressed the local APIC is told not to broadcast it
     */
    record EoiForwarded(int vcpu, int vector, TriggerMode trigger, boolean suppressed) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * The sender of a vector that is requested in IRR has raised the hint that there is one, behind its bit: kvm_sim:irr_pending_raised.
     * KVM_REQ_EVENT is what it does next.
     */
    record IrrPendingRaised(int vcpu, int vector) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * The guest, with interrupts on, goes on with its next instruction although something is requested in the local APIC that the
     * processor virtualizes: kvm_sim:interrupts_held_back.
     *
     * @param nested whether it is L2's
     * @param requested the highest vector requested
     * @param inService the highest vector in service, 0 for none
     * @param priority TPR
     */
    record InterruptsHeldBack(int vcpu, boolean nested, int requested, int inService, int priority) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** The handler of an NMI has returned, and the guest takes NMIs again: kvm_sim:nmi_unblocked. */
    record NmiUnblocked(int vcpu) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * L2 is left: kvm_sim:nested_state_sync.
     *
     * @param left the guest interrupt status that the processor had for L2
     * @param found that of vmcs12, which L1 finds
     */
    record NestedStateSynced(int vcpu, int left, int found) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * A CPU that interrupts by a source of the SynIC reads its register: kvm_sim:sint_read.
     *
     * @param vector what it interrupts by, or -1 where it does not
     */
    record SintRead(int vcpu, int sint, int vector) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * A vCPU has entered the guest past an interrupt that KVM has to inject, or L2 past one that has to make it leave: it is neither
     * injected, nor has KVM asked for a window or an exit at once: kvm_sim:interrupt_passed_over. That is in order where the sender is
     * about to make KVM_REQ_EVENT.
     */
    record InterruptPassedOver(int vcpu, int vector) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * A vector was requested in IRR, not by way of PIR: kvm_sim:interrupt_requested.
     *
     * @param by KVM for a message that was accepted, the processor for an IPI of the guest to itself
     * @param coalesced it was requested already
     */
    record InterruptRequested(int vcpu, int vector, SyncedBy by, boolean coalesced) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** A local APIC did nothing about a message that reached it: kvm_sim:interrupt_discarded. */
    record InterruptDiscarded(int vcpu, int vector) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * The host has handled a device's interrupt on the processor where the vCPU's thread runs, and KVM delivers its vector to the
     * vCPU from there: kvm_sim:host_interrupt_handled.
     */
    record HostInterruptHandled(int vcpu, int vector) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** A debugger holds the vCPU's interrupts back, or lets them go: kvm_sim:guest_debug_set. */
    record GuestDebugSet(int vcpu, boolean blockIrq) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * A local APIC handed a vector over to KVM: kvm_sim:interrupt_acknowledged.
     *
     * @param inService whether it is in service from now on; one that ends itself is not
     */
    record InterruptAcknowledged(int vcpu, int vector, boolean inService) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * The task priority of a vCPU has another value: kvm_sim:task_priority.
     *
     * @param priority TPR, 0 to 255
     */
    record TaskPriorityChanged(int vcpu, int priority) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * KVM_SET_LAPIC, or the creation of a vCPU with interrupts on their way or the broadcast of EOIs suppressed, replaced a local
     * APIC's state: kvm_sim:lapic_state_set.
     *
     * @param priority TPR, 0 to 255
     * @param spiv the spurious-interrupt vector register
     */
    record LapicStateSet(int vcpu, int priority, int spiv, VectorBitmap irr, VectorBitmap isr, VectorBitmap tmr)
            implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * Another CPU that looked at a vCPU's mode found it inside of the guest, or on its way: kvm_sim:mode_exchanged.
     *
     * @param vcpu the target
     * @param before what it found
     * @param after what it left
     */
    record ModeExchanged(int vcpu, VcpuMode before, VcpuMode after) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** The guest is to be left as soon as it is entered, to look at events again: kvm_sim:immediate_exit_wanted. */
    record ImmediateExitWanted(int vcpu) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * Where a vCPU is at quiescence and what its local APIC holds: kvm_sim:vcpu_audit.
     *
     * @param interruptible its guest would take an interrupt, be it by leaving L2
     * @param enabled its local APIC is, in IA32_APIC_BASE and by software
     * @param requests the requests word
     * @param pir what is posted
     */
    record VcpuAudited(
            int vcpu,
            EntryPhase phase,
            MpState state,
            boolean interruptible,
            boolean enabled,
            long requests,
            VectorBitmap irr,
            VectorBitmap isr,
            VectorBitmap pir)
            implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** Somebody who wakes a vCPU found it asleep, or about to sleep: kvm_sim:sleeper_found. */
    record SleeperFound(int vcpu, WakeCause cause) implements OfVcpu {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * The timer of the PIT has expired: kvm_sim:pit_tick.
     *
     * @param reinjected a tick that comes before the one before was acknowledged is delivered later, instead of lost
     */
    record PitTicked(boolean reinjected) implements Event {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** The thread of a vCPU is to leave KVM_RUN: kvm_sim:vcpu_signalled. */
    record VcpuSignalled(int vcpu) implements Event {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /**
     * A posted-interrupt notification has come to a vCPU that is about to enter its guest, and waits until it has:
     * kvm_sim:notification_held.
     */
    record NotificationHeld(int vcpu) implements Event {
        @Override
        public <R> R accept(Visitor<R> visitor) {
            return visitor.visit(this);
        }
    }

    /** What to do for each kind of event. */
    interface Visitor<R> {
        R visit(GuestEntered event);

        R visit(GuestExited event);

        R visit(NestedEntered event);

        R visit(NestedExited event);

        R visit(NestedExitInjected event);

        R visit(NestedInterrupted event);

        R visit(EoiReceived event);

        R visit(IrqAcknowledged event);

        R visit(IrqLineSet event);

        R visit(IoapicIrqSet event);

        R visit(IoapicEoiInjectDelayed event);

        R visit(MsiSet event);

        R visit(PicIrqSet event);

        R visit(InterruptAccepted event);

        R visit(ApicAccessed event);

        R visit(ApicIpiSent event);

        R visit(InterruptInjected event);

        R visit(MmioAccessed event);

        R visit(MsrAccessed event);

        R visit(PioAccessed event);

        R visit(ApicvInhibitChanged event);

        R visit(HvSynicIrqSet event);

        R visit(HvSynicEoiSent event);

        R visit(HvSynicMsrSet event);

        R visit(HvSintAcked event);

        R visit(VcpuWoken event);

        R visit(HaltPollChanged event);

        R visit(UserspaceExited event);

        R visit(RedirectionEntryWritten event);

        R visit(RequestMade event);

        R visit(RequestSeen event);

        R visit(RequestApplied event);

        R visit(IpiSent event);

        R visit(IpiElided event);

        R visit(BroadcastStarted event);

        R visit(BroadcastCompleted event);

        R visit(EntryCancelled event);

        R visit(VmcsInitialised event);

        R visit(IoapicScanned event);

        R visit(EoiExitmapLoaded event);

        R visit(EoiExitmapLoadSkipped event);

        R visit(EoiExitmapLoadDeferred event);

        R visit(Vmcs02Prepared event);

        R visit(NestedEntryFailed event);

        R visit(EoiVirtualized event);

        R visit(ApicvInhibitsStored event);

        R visit(ApicPageZapped event);

        R visit(ApicvUpdated event);

        R visit(VcpuBlocked event);

        R visit(VcpuReset event);

        R visit(InterruptTaken event);

        R visit(SmiHandled event);

        R visit(SipiStarted event);

        R visit(ResampleSignalled event);

        R visit(GsiRoutingSet event);

        R visit(IoapicEoiPended event);

        R visit(IoapicEoiDropped event);

        R visit(StormUnderWay event);

        R visit(RtcEoiMissing event);

        R visit(IoapicStateSaved event);

        R visit(IoapicStateRestored event);

        R visit(HostCrashed event);

        R visit(EoiExitBitmapAudited event);

        R visit(LevelPinStuck event);

        R visit(ApicvInterruptAccepted event);

        R visit(PostedInterruptSet event);

        R visit(NotificationRequested event);

        R visit(PostedInterruptTriggered event);

        R visit(PostedInterruptsSynced event);

        R visit(VirtualInterruptDelivered event);

        R visit(InterruptStateLoaded event);

        R visit(NestedInterruptPosted event);

        R visit(NestedNotificationNoted event);

        R visit(NestedNotificationTriggered event);

        R visit(NestedInterruptsSynced event);

        R visit(NestedPostingLoaded event);

        R visit(InterruptLost event);

        R visit(VcpuScheduledIn event);

        R visit(VcpuScheduledOut event);

        R visit(InterruptRequested event);

        R visit(InterruptDiscarded event);

        R visit(HostInterruptHandled event);

        R visit(GuestDebugSet event);

        R visit(InterruptAcknowledged event);

        R visit(TaskPriorityChanged event);

        R visit(LapicStateSet event);

        R visit(ModeExchanged event);

        R visit(ImmediateExitWanted event);

        R visit(VcpuAudited event);

        R visit(VmCreated event);

        R visit(IoapicTableSet event);

        R visit(ApicIdentityChanged event);

        R visit(IoapicTableRead event);

        R visit(AckNotifiersChanged event);

        R visit(IoapicServiced event);

        R visit(RemoteIrrSet event);

        R visit(RemoteIrrCleared event);

        R visit(RtcTracked event);

        R visit(SynicVectorsChanged event);

        R visit(EoiForwarded event);

        R visit(InterruptPassedOver event);

        R visit(SintRead event);

        R visit(IrrPendingRaised event);

        R visit(InterruptsHeldBack event);

        R visit(NmiUnblocked event);

        R visit(NestedStateSynced event);

        R visit(SleeperFound event);

        R visit(PitTicked event);

        R visit(VcpuSignalled event);

        R visit(NotificationHeld event);
    }
}
