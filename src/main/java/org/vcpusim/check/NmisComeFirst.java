package org.vcpusim.check;

import java.util.List;
import org.vcpusim.arch.DeliveryMode;
import org.vcpusim.arch.EventInjection;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.MpState;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * An NMI that KVM has collected is injected at the next entry, before any interrupt that is new, unless the handler of another runs; and
 * no NMI is injected that nobody has sent.
 *
 * <p>Models {@code process_nmi} and {@code kvm_check_and_inject_events}, arch/x86/kvm/x86.c; SDM volume 3, "Non-Maskable Interrupt
 * (NMI)". An event whose entry was cancelled goes first, with the NMI window asked for, and so does one of L1's for L2. Of
 * NMIs that user space injects nothing is known but the request. While a debugger holds a vCPU's events back its NMIs wait.
 */
public final class NmisComeFirst extends Invariant {
    private static final int MOST = 2;

    private final ByVcpu<Nmis> byVcpu = new ByVcpu<>(Nmis::new);

    private static final class Nmis {
        private boolean known;
        /** A debugger holds its events back. */
        private boolean debugged;
        /** Sent and not collected, collected and not taken. */
        private int queued;

        private int pending;
        /** KVM_REQ_NMI that nobody's message has made. */
        private int ofUserspace;
        /** A handler runs. */
        private boolean masked;
        /** The next entry carries an event that goes first. */
        private boolean again;
        /** An event went first: an exit for the NMI window comes as soon as the guest could take an NMI, and nothing was looked at since. */
        private boolean windowed;
        /** The next entry leaves at once. */
        private boolean leaves;
    }

    /** One that has seen nothing. */
    public NmisComeFirst() {
        super(
                "X11",
                "An NMI is injected as soon as no handler of another runs, before a new interrupt, and once",
                Tracepoint.VMCS_INIT,
                Tracepoint.KVM_APIC_ACCEPT_IRQ,
                Tracepoint.REQUEST_MADE,
                Tracepoint.REQUEST_SEEN,
                Tracepoint.KVM_INJ_VIRQ,
                Tracepoint.IMMEDIATE_EXIT_WANTED,
                Tracepoint.ENTRY_CANCELLED,
                Tracepoint.KVM_ENTRY,
                Tracepoint.KVM_NESTED_VMEXIT_INJECT,
                Tracepoint.NMI_UNBLOCKED,
                Tracepoint.VCPU_RESET,
                Tracepoint.GUEST_DEBUG_SET,
                Tracepoint.VCPU_AUDIT);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.OTHER);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.RequestMade made) {
            if (made.flow().request() == VcpuRequest.NMI) {
                made(byVcpu.of(made.vcpu()));
            }
        } else if (event instanceof Event.RequestSeen seen) {
            if (seen.flow().request() == VcpuRequest.NMI) {
                collected(byVcpu.of(seen.vcpu()));
            } else if (seen.flow().request() == VcpuRequest.EVENT) {
                byVcpu.of(seen.vcpu()).windowed = false;
            }
        } else if (event instanceof Event.GuestEntered entry) {
            entered(record, byVcpu.of(entry.vcpu()), entry);
        } else if (event instanceof Event.InterruptAccepted accepted) {
            if (accepted.deliveryMode() == DeliveryMode.NMI) {
                byVcpu.of(accepted.vcpu()).queued++;
            }
        } else if (event instanceof Event.InterruptInjected injected) {
            byVcpu.of(injected.vcpu()).again = injected.reinjected();
        } else if (event instanceof Event.EntryCancelled cancelled) {
            byVcpu.of(cancelled.vcpu()).again = false;
            byVcpu.of(cancelled.vcpu()).leaves = false;
        } else if (event instanceof Event.VcpuAudited audited) {
            audited(record, audited);
        } else {
            acceptRare(event);
        }
    }

    private void acceptRare(Event event) {
        if (event instanceof Event.NmiUnblocked unblocked) {
            byVcpu.of(unblocked.vcpu()).masked = false;
        } else if (event instanceof Event.ImmediateExitWanted wanted) {
            byVcpu.of(wanted.vcpu()).leaves = true;
        } else if (event instanceof Event.NestedExitInjected exit) {
            if (isNmi(exit.interruptionInformation())) {
                taken(byVcpu.of(exit.vcpu()));
            }
        } else if (event instanceof Event.VcpuReset reset) {
            boolean debugged = byVcpu.of(reset.vcpu()).debugged;
            byVcpu.forget(reset.vcpu());
            byVcpu.of(reset.vcpu()).known = true;
            byVcpu.of(reset.vcpu()).debugged = debugged;
        } else if (event instanceof Event.GuestDebugSet set) {
            byVcpu.of(set.vcpu()).debugged = set.blockIrq();
        } else if (event instanceof Event.VmcsInitialised initialised) {
            byVcpu.of(initialised.vcpu()).known = true;
        }
    }

    /** A request behind a message that was collected already is nobody's. */
    private static void made(Nmis n) {
        n.ofUserspace += n.queued == 0 ? 1 : 0;
    }

    private static void collected(Nmis n) {
        n.pending = Math.min(n.masked ? 1 : MOST, n.pending + n.queued);
        n.queued = 0;
    }

    private static void taken(Nmis n) {
        if (n.pending > 0) {
            n.pending--;
        } else {
            n.ofUserspace--;
        }
        n.masked = true;
    }

    private static boolean isNmi(int information) {
        EventInjection decoded = EventInjection.decode(information & 0xffffffffL);
        return decoded.isValid() && decoded.type() == EventInjection.Type.NMI;
    }

    private void entered(TraceRecord record, Nmis n, Event.GuestEntered entry) {
        int information = entry.interruptionInformation();
        if (isNmi(information)) {
            if (n.known && n.masked) {
                violated(record, "vcpu" + entry.vcpu() + " takes an NMI while the handler of another runs", "");
            } else if (n.known && n.pending == 0 && n.ofUserspace <= 0) {
                violated(record, "vcpu" + entry.vcpu() + " takes an NMI that nobody has sent", "");
            }
            taken(n);
        } else if (goesFirst(n, information)) {
            n.windowed = n.pending > 0;
        } else if (n.pending > 0 && !n.masked && !n.leaves && !n.debugged && !n.windowed) {
            violated(
                    record,
                    "vcpu" + entry.vcpu() + " entered the guest without the NMI that it has collected",
                    n.pending + " to inject");
        }
        n.again = false;
        n.leaves = false;
    }

    private static boolean goesFirst(Nmis n, int information) {
        EventInjection decoded = EventInjection.decode(information & 0xffffffffL);
        boolean exception = decoded.isValid() && decoded.type() != EventInjection.Type.EXTERNAL_INTERRUPT;
        return n.again || exception;
    }

    private void audited(TraceRecord record, Event.VcpuAudited audited) {
        Nmis n = byVcpu.of(audited.vcpu());
        boolean takes = audited.state() == MpState.RUNNABLE || audited.state() == MpState.HALTED;
        if (n.pending > 0 && !n.masked && takes && !n.debugged) {
            violated(record, "an NMI of vcpu" + audited.vcpu() + " was collected and never taken", "");
        }
    }
}
