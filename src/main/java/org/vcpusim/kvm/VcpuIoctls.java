package org.vcpusim.kvm;

import org.vcpusim.arch.ApicRegister;
import org.vcpusim.arch.LocalApic;

/**
 * What user space does to a vCPU.
 *
 * <p>Source: {@code kvm_arch_vcpu_create}, {@code kvm_inject_nmi}, {@code kvm_vcpu_ioctl_get_mpstate},
 * {@code kvm_arch_vcpu_ioctl_set_mpstate}, arch/x86/kvm/x86.c; {@code kvm_apic_set_state}, arch/x86/kvm/lapic.c.
 */
final class VcpuIoctls {
    private VcpuIoctls() {}

    static Vcpu step(Vcpu v, Vcpu.Ioctl ioctl, Port port) {
        if (ioctl instanceof Vcpu.SetLapic s) {
            return setLapic(v, s, port);
        }
        if (ioctl instanceof Vcpu.SetMpState s) {
            return setMpState(v, s.state(), port);
        }
        if (ioctl instanceof Vcpu.SetGuestDebug s) {
            return setGuestDebug(v, s.blockIrq(), port);
        }
        return switch ((Vcpu.Plain) ioctl) {
            case CREATE -> VcpuCreation.create(v, port);
            case SET_REGS ->
                v.with(v.guest().reset())
                        .with(v.thread().inUserspaceAwaiting(VcpuThread.Await.NOTHING))
                        .make(VcpuRequest.EVENT, port);
            case NMI -> v.with(v.events().nmis().withQueued()).make(VcpuRequest.NMI, port);
            case SMI -> v.make(VcpuRequest.SMI, port);
            case SIGNAL -> v.phase() == EntryPhase.USERSPACE ? v : signalled(v, port);
            case IMMEDIATE_EXIT -> signalled(v, port);
            case GET_STATE -> getState(v, port);
        };
    }

    private static Vcpu signalled(Vcpu v, Port port) {
        port.emit(new Event.VcpuSignalled(v.index()));
        Vcpu pending = v.with(v.thread().withSignal(true));
        return VcpuScheduling.isSleeper(pending) ? VcpuRemote.woken(pending, Event.WakeCause.SIGNAL, port) : pending;
    }

    /** {@code kvm_arch_vcpu_ioctl_set_guest_debug}; the VM counts vCPUs whose interrupts are held back. */
    private static Vcpu setGuestDebug(Vcpu v, ApicvInhibit.Change blockIrq, Port port) {
        boolean same = v.blocksIrqs() == (blockIrq == ApicvInhibit.Change.SET);
        port.emit(new Event.GuestDebugSet(v.index(), blockIrq == ApicvInhibit.Change.SET));
        Vcpu set = v.withBlockIrq(blockIrq).make(VcpuRequest.EVENT, port);
        if (same || !v.machine().apicvActive()) {
            port.toUserspace(new Userspace.VcpuCalled(v.index(), 0));
            return set;
        }
        port.toVm(new Vm.BlockIrq(v.index(), blockIrq));
        return set.with(set.thread().inUserspaceAwaiting(VcpuThread.Await.GUEST_DEBUG));
    }

    /** The VM has counted. */
    static Vcpu guestDebugSet(Vcpu v, Port port) {
        port.toUserspace(new Userspace.VcpuCalled(v.index(), 0));
        return v.with(v.thread().inUserspaceAwaiting(VcpuThread.Await.NOTHING));
    }

    /** An SMI that waits goes before INIT and start-up: KVM refuses these states meanwhile, up to Linux 6.12 at least. */
    private static Vcpu setMpState(Vcpu v, MpState state, Port port) {
        boolean startsUp = state == MpState.INIT_RECEIVED || state == MpState.SIPI_RECEIVED;
        if (startsUp && v.events().smiPending()) {
            port.toUserspace(new Userspace.VcpuCalled(v.index(), Userspace.EINVAL));
            return v;
        }
        Vcpu next = state == MpState.SIPI_RECEIVED
                ? v.with(v.events().with(MpState.INIT_RECEIVED))
                        .with(v.lapic().withSipi(v.lapic().sipiVector()))
                : v.with(v.events().with(state));
        port.toUserspace(new Userspace.VcpuCalled(v.index(), 0));
        return next.make(VcpuRequest.EVENT, port);
    }

    private static Vcpu getState(Vcpu v, Port port) {
        if (v.lapic().initPending() || v.lapic().sipiPending()) {
            return VcpuInjection.acceptInitAndSipi(v, VcpuThread.Await.RESET_MAP_FOR_STATE, port);
        }
        return showState(v, port);
    }

    /** Collects what is queued and hands the state to user space. */
    static Vcpu showState(Vcpu v, Port port) {
        boolean reset = v.thread().await() == VcpuThread.Await.RESET_MAP_FOR_STATE;
        Vcpu shown = reset ? v.with(v.thread().inUserspaceAwaiting(VcpuThread.Await.NOTHING)) : v;
        if (shown.requests().test(VcpuRequest.NMI)) {
            shown = collected(shown, VcpuRequest.NMI, port);
        }
        if (shown.requests().test(VcpuRequest.SMI)) {
            shown = collected(shown, VcpuRequest.SMI, port);
        }
        shown = shown.lapic().hwEnabled() ? PostedInterrupts.synced(shown, port) : shown;
        port.toUserspace(new Userspace.VcpuState(shown));
        return shown;
    }

    private static Vcpu collected(Vcpu v, VcpuRequest request, Port port) {
        Vcpu seen = VcpuRequests.seen(v, request, port);
        VcpuEvents events = request == VcpuRequest.NMI
                ? seen.events().with(seen.events().nmis().collected())
                : seen.events().withSmiPending(true);
        Vcpu applied = VcpuRequests.applied(seen.with(events), port);
        return applied.with(applied.requests().clear(request)).make(VcpuRequest.EVENT, port);
    }

    private static Vcpu setLapic(Vcpu before, Vcpu.SetLapic set, Port port) {
        boolean keeps = before.machine().has(Fault.PIR_SURVIVES_RESTORE)
                || before.machine().has(Fault.PIR_CLEARED_AFTER_RESTORE);
        Vcpu v = keeps ? before : PostedInterrupts.emptied(before);
        LocalApic page = v.lapic().page();
        for (Vcpu.RegisterValue register : set.registers()) {
            page = page.write(register.offset(), register.value());
        }
        if (v.lapic().x2apic()) {
            if (v.machine().has32BitIds() && page.read(ApicRegister.ID) != v.index()) {
                return refused(v, page.read(ApicRegister.SPIV), port);
            }
            page = page.write(ApicRegister.ID, v.index()).write(ApicRegister.LDR, ApicIdentity.x2apicLdr(v.index()));
        }
        page = page.write(ApicRegister.LVR, v.lapic().page().read(ApicRegister.LVR));
        Lapic lapic = v.lapic().restored(page, v.machine().rules());
        lapic.reportState(port);
        Vcpu replaced = PostedInterrupts.statusRestored(v.with(lapic));
        lapic.reportIdentity(port);
        port.toVm(new Vm.RestoreApic(lapic.identity()));
        return replaced.with(replaced.thread().inUserspaceAwaiting(VcpuThread.Await.RESTORED_MAP));
    }

    /** A state that is refused has left its SPIV behind, and the map is built anew if that matters to it. */
    private static Vcpu refused(Vcpu v, int spiv, Port port) {
        Vcpu changed = v.with(v.lapic().withPage(v.lapic().page().write(ApicRegister.SPIV, spiv)));
        if (changed.lapic().swEnabled() == v.lapic().swEnabled()) {
            port.toUserspace(new Userspace.VcpuCalled(v.index(), Userspace.EINVAL));
            return changed;
        }
        changed.lapic().reportIdentity(port);
        port.toVm(new Vm.ChangeIdentity(changed.lapic().identity()));
        return changed.with(changed.thread().inUserspaceAwaiting(VcpuThread.Await.REFUSED_STATE));
    }

    /** The map is built anew after a KVM_SET_LAPIC that fails. */
    static Vcpu refused(Vcpu v, Port port) {
        port.toUserspace(new Userspace.VcpuCalled(v.index(), Userspace.EINVAL));
        return v.with(v.thread().inUserspaceAwaiting(VcpuThread.Await.NOTHING));
    }

    /** The map is built anew after KVM_SET_LAPIC. */
    static Vcpu restored(Vcpu v, Port port) {
        port.toUserspace(new Userspace.VcpuCalled(v.index(), 0));
        Vcpu rested = v.with(v.thread().inUserspaceAwaiting(VcpuThread.Await.NOTHING));
        boolean clears = v.machine().has(Fault.PIR_CLEARED_AFTER_RESTORE);
        return (clears ? PostedInterrupts.emptied(rested) : rested).make(VcpuRequest.EVENT, port);
    }
}
