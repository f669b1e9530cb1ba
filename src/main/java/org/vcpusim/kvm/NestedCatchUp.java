package org.vcpusim.kvm;

import org.vcpusim.arch.VmcsField;
import org.vcpusim.kvm.NestedDeferrals.Kind;

/**
 * What was put off while L2 ran, and is done to vmcs01 when L2 is left.
 *
 * <p>Source: {@code __nested_vmx_vmexit}, arch/x86/kvm/vmx/nested.c; {@code vmx_update_cr8_intercept},
 * arch/x86/kvm/vmx/vmx.c; {@code kvm_apic_update_hwapic_isr}, arch/x86/kvm/lapic.c.
 */
final class NestedCatchUp {
    private NestedCatchUp() {}

    /** vmcs01's TPR threshold, now or when L2 is left; while L2 runs, that of vmcs02 is L1's. */
    static Vcpu writeTprThreshold(Vcpu v, int threshold) {
        if (!v.nested().guestMode()) {
            return v.with(v.vmcs().write(VmcsField.TPR_THRESHOLD, threshold));
        }
        return v.with(v.nested().with(v.nested().deferrals().withTprThreshold(threshold)));
    }

    /** Does what was put off; vmcs01 is current again. Only the load and the page wait for a check of requests. */
    static Vcpu performed(Vcpu v, NestedDeferrals deferrals, Port port) {
        Vcpu done = v;
        if (deferrals.has(Kind.APICV_CONTROLS)) {
            done = v.machine().has(Fault.NESTED_REFRESH_BY_REQUEST)
                    ? v.make(VcpuRequest.APICV_UPDATE, port)
                    : VcpuApicv.refreshed(v);
        }
        if (deferrals.has(Kind.SVI) && done.apicvActive()) {
            done = VcpuApicv.withSvi(done, done.lapic().highestIsr());
        }
        if (deferrals.has(Kind.VIRTUAL_APIC_MODE)) {
            done = VcpuApicv.withVirtualApicMode(done);
        }
        if (deferrals.tprThreshold() != NestedDeferrals.KEPT) {
            done = writeTprThreshold(done, deferrals.tprThreshold());
        }
        return deferrals.has(Kind.APIC_ACCESS_PAGE) ? done.make(VcpuRequest.APIC_PAGE_RELOAD, port) : done;
    }
}
