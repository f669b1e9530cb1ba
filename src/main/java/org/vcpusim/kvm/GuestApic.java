package org.vcpusim.kvm;

import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.vcpusim.arch.ActivityState;
import org.vcpusim.arch.ApicAccessType;
import org.vcpusim.arch.ApicMsrVirtualization;
import org.vcpusim.arch.ApicPageAccess;
import org.vcpusim.arch.ApicPageVirtualization;
import org.vcpusim.arch.ApicRegister;
import org.vcpusim.arch.Cr8Virtualization;
import org.vcpusim.arch.ExitQualification;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.InstructionBoundary;
import org.vcpusim.arch.LocalApic;
import org.vcpusim.arch.MsrIntercept;
import org.vcpusim.arch.MsrWrite;
import org.vcpusim.arch.PostedInterruptDescriptor;
import org.vcpusim.arch.SecondaryProcessorControl;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.arch.VirtualApic;
import org.vcpusim.arch.VirtualApicControls;
import org.vcpusim.arch.VirtualApicOutcome;
import org.vcpusim.arch.VirtualApicStep;
import org.vcpusim.arch.Vmcs;
import org.vcpusim.arch.VmcsField;

/**
 * The local APIC as the processor virtualizes it while the guest runs: loaded at VM entry, stored at VM exit, and in between
 * the only one who writes it.
 *
 * <p>The rules are {@link VirtualApic}'s; here is when they apply to a vCPU, and what its guest sees of them. The page is the
 * register page of the local APIC. Source: SDM volume 3, "APIC Virtualization and Virtual Interrupts".
 */
final class GuestApic {
    private static final int REGISTER_BYTES = 4;
    private static final int REGISTER_MASK = 0xff0;

    private GuestApic() {}

    /** VM entry of {@code thread}; with virtual-interrupt delivery PPR is virtualized, and pending interrupts are evaluated. */
    static Vcpu entered(Vcpu v, VcpuThread thread) {
        if (v.nested().guestMode() || !SecondaryProcessorControl.VIRTUAL_INTERRUPT_DELIVERY.isSetIn(v.vmcs())) {
            return v.with(thread);
        }
        VirtualApicControls controls = v.vmcs().virtualApicControls();
        VirtualApic loaded = VirtualApic.of(v.lapic().page(), v.vmcs());
        VirtualApic next = loaded.entered(controls, ActivityState.ACTIVE).next();
        return v.with(
                next.page(), new InterruptVirtualization(controls, next.rvi(), next.svi(), next.recognized()), thread);
    }

    /** VM exit: {@code vmcs} with the guest interrupt status, which goes back to it. */
    static Vmcs stored(Vcpu v, Vmcs vmcs) {
        InterruptVirtualization kept = v.virtualization();
        return kept == null
                ? vmcs
                : vmcs.write(
                        VmcsField.GUEST_INTR_STATUS, state(v, kept).exited().guestIntrStatus());
    }

    /** An instruction boundary: a recognized virtual interrupt is taken unless the guest blocks it. */
    static Vcpu delivered(Vcpu v, Port port) {
        if (v.nested().guestMode()) {
            return NestedExecution.delivered(v, port);
        }
        InterruptVirtualization kept = v.virtualization();
        if (kept == null || !kept.recognized()) {
            return v;
        }
        Optional<VirtualApic.Delivery> delivery = state(v, kept).delivered(boundary(v), kept.controls());
        if (delivery.isEmpty()) {
            return v;
        }
        int vector = delivery.get().vector();
        port.emit(new Event.VirtualInterruptDelivered(v.index(), vector));
        return taking(store(v, kept, delivery.get().next()), vector, port);
    }

    /** What is requested where the processor delivers, and the guest would take it, is told: something has to hold it back. */
    static void reportHeldBack(Vcpu v, Port port) {
        boolean nested = v.nested().guestMode();
        if (!nested && v.virtualization() == null) {
            return;
        }
        LocalApic page = nested ? v.nested().apic().page() : v.lapic().page();
        boolean takes = v.guest().interruptible() && v.guest().vector() < 0;
        if (page.irr().isEmpty() || !takes || nested && !NestedExecution.isDelivered(v)) {
            return;
        }
        port.emit(new Event.InterruptsHeldBack(
                v.index(), nested, page.irr().highest(), Math.max(page.isr().highest(), 0), page.tpr()));
    }

    private static InstructionBoundary boundary(Vcpu v) {
        GuestLink guest = v.guest();
        InstructionBoundary.Blocking blocking =
                guest.shadow() ? InstructionBoundary.Blocking.STI : InstructionBoundary.Blocking.NONE;
        return new InstructionBoundary(guest.interruptsEnabled(), blocking, ActivityState.ACTIVE);
    }

    /** The processor goes through the guest's interrupt table. */
    static Vcpu taking(Vcpu v, int vector, Port port) {
        GuestLink guest = v.guest();
        port.emit(new Event.InterruptTaken(v.index(), vector, !guest.interruptible()));
        if (guest.vector() >= 0) {
            port.toGuest(v.index(), new Guest.Interrupt(guest.retired(), guest.vector()));
            guest = guest.told();
        }
        return v.with(guest.taking(vector));
    }

    /** Whether the notification vector starts posted-interrupt processing instead of a VM exit. */
    static boolean notifies(Vcpu v) {
        InterruptVirtualization kept = v.virtualization();
        return kept != null && kept.controls().notifies(VmcsSetup.POSTED_INTR_VECTOR);
    }

    /** Posted-interrupt processing: ON is cleared, PIR goes to VIRR, and what is pending is evaluated. */
    static Vcpu postedInterruptsProcessed(Vcpu v, Port port) {
        InterruptVirtualization kept = v.virtualization();
        if (kept == null) {
            throw new IllegalStateException("vCPU " + v.index() + " processes no posted interrupts");
        }
        PostedInterruptDescriptor.Taken taken =
                v.posting().descriptor().clearOn().exchangePir();
        port.emit(new Event.PostedInterruptsSynced(v.index(), taken.taken(), Event.SyncedBy.PROCESSOR));
        VirtualApic next = state(v, kept).postedInterruptsProcessed(taken.taken(), kept.controls());
        return store(v.with(v.posting().with(taken.next()).withNotified(false)), kept, next);
    }

    /**
     * What becomes of an operation on the local APIC.
     *
     * @return null where the processor does not virtualize it, so that it acts as without APIC virtualization
     */
    static @Nullable Vcpu executed(Vcpu v, GuestAction action, Port port) {
        InterruptVirtualization kept = v.virtualization();
        if (action instanceof GuestAction.Cr8Read || action instanceof GuestAction.Cr8Write) {
            VirtualApicControls controls = kept == null ? v.vmcs().virtualApicControls() : kept.controls();
            VirtualApic apic = kept == null ? VirtualApic.of(v.lapic().page(), v.vmcs()) : state(v, kept);
            return carriedOut(v, action, cr8(apic, action, controls), port);
        }
        VirtualApicStep step = kept == null ? null : step(v, kept, action);
        return step == null ? null : carriedOut(v, action, step, port);
    }

    private static VirtualApicStep cr8(VirtualApic apic, GuestAction action, VirtualApicControls controls) {
        return action instanceof GuestAction.Cr8Write w
                ? Cr8Virtualization.write(apic, w.value(), controls)
                : Cr8Virtualization.read(apic, controls);
    }

    private static @Nullable VirtualApicStep step(Vcpu v, InterruptVirtualization kept, GuestAction action) {
        if (action == GuestAction.Plain.EOI) {
            return registerWrite(v, kept, ApicRegister.EOI.offset(), 0);
        }
        if (action instanceof GuestAction.ApicRegisterWrite w) {
            return registerWrite(v, kept, w.offset(), w.value());
        }
        if (action instanceof GuestAction.MmioRead r && hasPageAt(v, r.address())) {
            ApicPageAccess access =
                    new ApicPageAccess(ApicAccessType.LINEAR_READ, (int) (r.address() & 0xfff), r.size());
            return ApicPageVirtualization.read(state(v, kept), access, kept.controls());
        }
        if (action instanceof GuestAction.MmioWrite w && hasPageAt(v, w.address())) {
            return pageWrite(v, kept, new Stored((int) (w.address() & 0xfff), w.size(), w.value()));
        }
        if (action instanceof GuestAction.Rdmsr r && VcpuAccess.isX2apic(r.msr())) {
            return ApicMsrVirtualization.rdmsr(
                    state(v, kept), r.msr(), intercept(v, r.msr(), Event.Access.READ), kept.controls());
        }
        if (action instanceof GuestAction.Wrmsr w && VcpuAccess.isX2apic(w.msr())) {
            return msrWrite(v, kept, new MsrWrite(w.msr(), w.value()));
        }
        return null;
    }

    private static boolean hasPageAt(Vcpu v, long address) {
        return v.lapic().claims(address);
    }

    private static VirtualApicStep registerWrite(Vcpu v, InterruptVirtualization kept, int offset, long value) {
        return v.lapic().x2apic()
                ? msrWrite(v, kept, new MsrWrite(ApicRegister.X2APIC_MSR_BASE + (offset >> 4), value))
                : pageWrite(v, kept, new Stored(offset, REGISTER_BYTES, value));
    }

    private static VirtualApicStep msrWrite(Vcpu v, InterruptVirtualization kept, MsrWrite write) {
        return ApicMsrVirtualization.wrmsr(
                state(v, kept), write, intercept(v, write.msr(), Event.Access.WRITE), kept.controls());
    }

    private static MsrIntercept intercept(Vcpu v, int msr, Event.Access access) {
        ApicRegister register =
                ApicRegister.at(msr - ApicRegister.X2APIC_MSR_BASE << 4).orElse(null);
        boolean leaves = register == null
                || (access == Event.Access.READ
                        ? v.msrBitmap().interceptsRead(register)
                        : v.msrBitmap().interceptsWrite(register));
        return leaves ? MsrIntercept.INTERCEPTED : MsrIntercept.PASSED_THROUGH;
    }

    private record Stored(int offset, int size, long value) {}

    private static VirtualApicStep pageWrite(Vcpu v, InterruptVirtualization kept, Stored stored) {
        ApicPageAccess access = new ApicPageAccess(ApicAccessType.LINEAR_WRITE, stored.offset, stored.size);
        return ApicPageVirtualization.write(state(v, kept), access, (int) stored.value, kept.controls());
    }

    private static @Nullable Vcpu carriedOut(Vcpu v, GuestAction action, VirtualApicStep step, Port port) {
        VirtualApicOutcome outcome = step.outcome();
        if (outcome instanceof VirtualApicOutcome.Completed c) {
            return VcpuRun.resume(completed(v, step.next(), isRead(action), c.value(), port), port);
        }
        if (outcome instanceof VirtualApicOutcome.VmExit e) {
            return e.isTrapLike()
                    ? trapped(v, step.next(), e, port)
                    : VcpuRun.exit(v, new GuestExit(e.reason(), e.qualification(), 0, action), port);
        }
        if (outcome instanceof VirtualApicOutcome.GeneralProtection) {
            Vcpu behind = v.with(v.guest().retiring());
            return VcpuRun.resume(taking(behind, Guest.GENERAL_PROTECTION, port), port);
        }
        if (outcome instanceof VirtualApicOutcome.IpiVirtualization) {
            throw new IllegalStateException("IPI virtualization is not in use");
        }
        return null;
    }

    private static boolean isRead(GuestAction action) {
        return action instanceof GuestAction.MmioRead
                || action instanceof GuestAction.Rdmsr
                || action instanceof GuestAction.Cr8Read;
    }

    private static Vcpu completed(Vcpu v, VirtualApic next, boolean read, long value, Port port) {
        report(v, next, port);
        GuestLink guest = v.guest();
        return store(v, next, read ? guest.retiredWith(value) : guest.retiring());
    }

    /**
     * Of a guest's operations only an EOI takes a vector out of VISR, and only an IPI to itself puts one into VIRR. A second EOI
     * of the same vector changes nothing, and neither does a second IPI.
     */
    private static void report(Vcpu v, VirtualApic next, Port port) {
        LocalApic page = v.lapic().page();
        reportPriority(v, next.page(), port);
        InterruptVirtualization kept = v.virtualization();
        if (kept == null) {
            return;
        }
        if (!next.page().isr().equals(page.isr())) {
            port.emit(new Event.EoiVirtualized(v.index(), kept.svi()));
        }
        VectorBitmap requested = next.page().irr().andNot(page.irr());
        if (!requested.isEmpty()) {
            port.emit(new Event.InterruptRequested(v.index(), requested.highest(), Event.SyncedBy.PROCESSOR, false));
        }
    }

    /** Tells of the task priority in {@code after}, if it is another. */
    static void reportPriority(Vcpu v, LocalApic after, Port port) {
        if (after.tpr() != v.lapic().page().tpr()) {
            port.emit(new Event.TaskPriorityChanged(v.index(), after.tpr()));
        }
    }

    /**
     * A trap-like exit: the instruction is done. A register that software has to look at keeps its old value until then, and
     * the one written goes along with the exit, so that nobody finds a value that nobody has acted on.
     */
    private static Vcpu trapped(Vcpu v, VirtualApic next, VirtualApicOutcome.VmExit exit, Port port) {
        LocalApic page = next.page();
        reportPriority(v, page, port);
        GuestAction action = GuestAction.Plain.NOP;
        if (exit.reason() == ExitReason.APIC_WRITE) {
            int register = ExitQualification.apicWriteOffset(exit.qualification()) & REGISTER_MASK;
            action = new GuestAction.ApicRegisterWrite(register, page.read(register));
            page = page.write(register, v.lapic().page().read(register));
        }
        VirtualApic kept = new VirtualApic(page, next.rvi(), next.svi(), next.recognized());
        Vcpu behind = store(v, kept, v.guest().retiring());
        return VcpuRun.exit(behind, new GuestExit(exit.reason(), exit.qualification(), 0, action), port);
    }

    private static VirtualApic state(Vcpu v, InterruptVirtualization kept) {
        return new VirtualApic(v.lapic().page(), kept.rvi(), kept.svi(), kept.recognized());
    }

    private static Vcpu store(Vcpu v, InterruptVirtualization kept, VirtualApic next) {
        return v.with(next.page(), kept.after(next));
    }

    private static Vcpu store(Vcpu v, VirtualApic next, GuestLink guest) {
        InterruptVirtualization kept = v.virtualization();
        return v.with(next.page(), kept == null ? null : kept.after(next), guest);
    }
}
