package org.vcpusim.check;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.vcpusim.arch.EventInjection;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * The processor takes an interrupt only where it was delivered or injected, at once, and not while the guest has interrupts off;
 * and what KVM injects is what the entry carries.
 *
 * <p>Models VM_ENTRY_INTR_INFO_FIELD between {@code vmx_inject_irq} and the entry, arch/x86/kvm/vmx/vmx.c; SDM volume 3, "Event
 * Injection" and "Virtual-Interrupt Delivery". NMIs and exceptions come without an injection that the trace shows, and events that
 * L1 injects into L2 are L1's.
 */
public final class InjectedIsTaken extends Invariant {
    private static final int NMI = 2;
    private static final int GENERAL_PROTECTION = 13;
    private static final int NONE = -1;

    private final ByVcpu<Pending> byVcpu = new ByVcpu<>(Pending::new);

    private static final class Pending {
        /** Injected for the next entry. */
        private int injected = NONE;
        /** On its way through the guest's interrupt table. */
        private int underWay = NONE;
        /** The guest may not take it with interrupts off. */
        private boolean maskable;

        private @Nullable TraceRecord since;
        private boolean inL2;
    }

    /** One that has seen nothing. */
    public InjectedIsTaken() {
        super(
                "X4",
                "The processor takes what was delivered or injected, at once and with interrupts on, and nothing else",
                Tracepoint.KVM_INJ_VIRQ,
                Tracepoint.KVM_ENTRY,
                Tracepoint.ENTRY_CANCELLED,
                Tracepoint.VCPU_RESET,
                Tracepoint.VMCS02_PREPARED,
                Tracepoint.KVM_NESTED_VMEXIT_INJECT,
                Tracepoint.VIRTUAL_INTERRUPT_DELIVERY,
                Tracepoint.INTERRUPT_TAKEN,
                Tracepoint.KVM_EXIT,
                Tracepoint.VCPU_AUDIT);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.VECTOR);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        int vcpu = ((Event.OfVcpu) event).vcpu();
        Pending p = byVcpu.of(vcpu);
        if (event instanceof Event.InterruptTaken taken) {
            taken(record, p, taken);
            return;
        }
        if (p.underWay != NONE) {
            violated(record, p.since, "vcpu" + vcpu + " did not take vector " + Vectors.hex(p.underWay), "");
            p.underWay = NONE;
        }
        if (event instanceof Event.InterruptInjected injected) {
            p.injected = injected.vector();
        } else if (event instanceof Event.GuestEntered entry) {
            entered(record, p, entry);
        } else if (event instanceof Event.VirtualInterruptDelivered delivered) {
            underWay(p, record, delivered.vector(), true);
        } else {
            changed(record, p, event);
        }
    }

    private static void changed(TraceRecord record, Pending p, Event event) {
        if (event instanceof Event.EntryCancelled) {
            p.injected = NONE;
        } else if (event instanceof Event.VcpuReset) {
            p.injected = NONE;
            p.inL2 = false;
        } else if (event instanceof Event.Vmcs02Prepared) {
            p.inL2 = true;
        } else if (event instanceof Event.NestedExitInjected exit) {
            p.inL2 = false;
            EventInjection information = EventInjection.decode(exit.interruptionInformation() & 0xffffffffL);
            if (information.isValid()) {
                underWay(p, record, information.vector(), false);
            }
        }
    }

    private void entered(TraceRecord record, Pending p, Event.GuestEntered entry) {
        EventInjection information = EventInjection.decode(entry.interruptionInformation() & 0xffffffffL);
        int carried = information.isValid() ? information.vector() : NONE;
        boolean other = carried == NMI || carried == GENERAL_PROTECTION;
        if (!other && carried != p.injected && !p.inL2) {
            violated(
                    record,
                    "the entry of vcpu" + entry.vcpu() + " does not carry what was injected",
                    "it carries " + carried + ", injected was " + p.injected);
        }
        p.injected = NONE;
        if (carried != NONE) {
            underWay(p, record, carried, !other && !p.inL2);
        }
    }

    @SuppressWarnings("TooManyParameters") // what, and since when
    private static void underWay(Pending p, TraceRecord since, int vector, boolean maskable) {
        p.underWay = vector;
        p.maskable = maskable;
        p.since = since;
    }

    private void taken(TraceRecord record, Pending p, Event.InterruptTaken taken) {
        String took = "vcpu" + taken.vcpu() + " took vector " + Vectors.hex(taken.vector());
        boolean exception = p.underWay == NONE && (taken.vector() == NMI || taken.vector() == GENERAL_PROTECTION);
        if (!exception && p.underWay != taken.vector()) {
            violated(record, took + ", which was neither delivered nor injected", "");
        } else if (!exception && p.maskable && taken.masked()) {
            violated(record, took + " with interrupts off", "");
        }
        p.underWay = NONE;
    }
}
