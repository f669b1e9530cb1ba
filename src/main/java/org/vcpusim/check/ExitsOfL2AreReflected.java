package org.vcpusim.check;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * What L2 does with the local APIC that L1 has made for it, and its VMX instructions, make it leave to L1.
 *
 * <p>Models {@code nested_vmx_reflect_vmexit}, arch/x86/kvm/vmx/nested.c: the controls of APIC virtualization are those of vmcs12, so
 * that nobody else has asked for their exits.
 */
public final class ExitsOfL2AreReflected extends Invariant {
    /** The exits that are L1's and that it has not got, by vCPU. */
    private final List<@Nullable TraceRecord> exits = new ArrayList<>();

    /** One that has seen nothing. */
    public ExitsOfL2AreReflected() {
        super(
                "X10",
                "What L2 does with the local APIC that L1 has made for it makes it leave to L1",
                Tracepoint.KVM_NESTED_VMEXIT,
                Tracepoint.KVM_NESTED_VMEXIT_INJECT,
                Tracepoint.KVM_ENTRY);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.NESTED);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.NestedExited exited) {
            set(exited.vcpu(), isOfL1(exited.reason()) ? record : null);
        } else if (event instanceof Event.NestedExitInjected injected) {
            set(injected.vcpu(), null);
        } else if (event instanceof Event.GuestEntered entry && entry.vcpu() < exits.size()) {
            TraceRecord since = exits.get(entry.vcpu());
            if (since != null) {
                set(entry.vcpu(), null);
                violated(
                        record,
                        since,
                        "an exit of the L2 of vcpu" + entry.vcpu() + " was L1's, which did not get it",
                        "");
            }
        }
    }

    private static boolean isOfL1(ExitReason reason) {
        return switch (reason) {
            case APIC_ACCESS, EOI_INDUCED, APIC_WRITE, VMCALL, VMRESUME, VMWRITE -> true;
            default -> false;
        };
    }

    private void set(int vcpu, @Nullable TraceRecord exit) {
        while (exits.size() <= vcpu) {
            exits.add(null);
        }
        exits.set(vcpu, exit);
    }
}
