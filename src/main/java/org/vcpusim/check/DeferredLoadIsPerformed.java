package org.vcpusim.check;

import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * A load of the EOI-exit bitmap, or a reload of the APIC-access page, that was put off while L2 ran is made up for before L1 executes its
 * first instruction.
 *
 * <p>Models {@code load_eoi_exitmap_pending}: {@code leave_guest_mode}, arch/x86/kvm/kvm_cache_regs.h, makes
 * KVM_REQ_LOAD_EOI_EXITMAP of it, which {@code vcpu_enter_guest} serves with vmcs01 current; and
 * {@code reload_vmcs01_apic_access_page}, of which {@code __nested_vmx_vmexit}, arch/x86/kvm/vmx/nested.c, makes
 * KVM_REQ_APIC_PAGE_RELOAD. That one was put off shows in its request, which was seen in L2.
 */
public final class DeferredLoadIsPerformed extends Invariant {
    private final Set<Integer> inL2 = new TreeSet<>();
    private final Set<Integer> deferred = new TreeSet<>();
    private final Set<Integer> reloads = new TreeSet<>();

    /** One that has seen nothing. */
    public DeferredLoadIsPerformed() {
        super(
                "L6",
                "A load, or a reload of the APIC-access page, that was put off while L2 ran is made up for before L1 goes on",
                Tracepoint.VMCS02_PREPARED,
                Tracepoint.KVM_NESTED_VMEXIT_INJECT,
                Tracepoint.VCPU_RESET,
                Tracepoint.EOI_EXITMAP_LOAD_DEFERRED,
                Tracepoint.EOI_EXITMAP_LOAD,
                Tracepoint.EOI_EXITMAP_LOAD_SKIPPED,
                Tracepoint.REQUEST_SEEN,
                Tracepoint.KVM_ENTRY);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.BITMAP, Kind.NESTED);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.Vmcs02Prepared entry) {
            inL2.add(entry.vcpu());
        } else if (event instanceof Event.NestedExitInjected exit) {
            inL2.remove(exit.vcpu());
        } else if (event instanceof Event.VcpuReset reset) {
            inL2.remove(reset.vcpu());
            deferred.remove(reset.vcpu());
            reloads.remove(reset.vcpu());
        } else if (event instanceof Event.EoiExitmapLoadDeferred put) {
            deferred.add(put.vcpu());
        } else if (event instanceof Event.EoiExitmapLoaded loaded) {
            made(loaded.vcpu());
        } else if (event instanceof Event.EoiExitmapLoadSkipped skipped) {
            made(skipped.vcpu());
        } else if (event instanceof Event.RequestSeen seen) {
            seen(seen);
        } else if (event instanceof Event.GuestEntered entry) {
            entered(entry.vcpu(), record);
        }
    }

    /** A load in L2 writes vmcs02, and makes up for nothing. */
    private void made(int vcpu) {
        if (!inL2.contains(vcpu)) {
            deferred.remove(vcpu);
        }
    }

    private void seen(Event.RequestSeen seen) {
        if (seen.flow().request() != VcpuRequest.APIC_PAGE_RELOAD) {
            return;
        }
        if (inL2.contains(seen.vcpu())) {
            reloads.add(seen.vcpu());
        } else {
            reloads.remove(seen.vcpu());
        }
    }

    private void entered(int vcpu, TraceRecord record) {
        if (inL2.contains(vcpu)) {
            return;
        }
        if (deferred.remove(vcpu)) {
            violated(record, "vcpu" + vcpu + " entered L1 without the load that L2 had put off", "");
        }
        if (reloads.remove(vcpu)) {
            violated(
                    record,
                    "vcpu" + vcpu + " entered L1 without the reload of the APIC-access page that L2 had put off",
                    "");
        }
    }
}
