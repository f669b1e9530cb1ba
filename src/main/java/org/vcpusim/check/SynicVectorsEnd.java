package org.vcpusim.check;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Hazard;
import org.vcpusim.kvm.HvSynic;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * A vector of the SynIC that ends itself is never in service, and the EOI of any other one is told to its sources.
 *
 * <p>Models {@code kvm_hv_synic_auto_eoi_set} and {@code kvm_hv_synic_send_eoi}, arch/x86/kvm/hyperv.c. That an EOI which the
 * processor has carried out is told to nobody is hazard O2.
 */
public final class SynicVectorsEnd extends Invariant {
    private static final int EOM = 0x40000084;
    private static final int SCONTROL = 0x40000080;
    private static final int ALL = (1 << HvSynic.SINTS) - 1;

    private final ObservedMachine machine;
    private final ByVcpu<Synic> byVcpu = new ByVcpu<>(Synic::new);

    private static final class Synic {
        private final SynicRegisters registers = new SynicRegisters();
        private boolean virtualized;
        /** The EOI that no source has heard of, and its vector. */
        private @Nullable TraceRecord eoi;

        private int vector;
        private boolean byProcessor;
        /** The EOM that not all sources have heard of, and those that have, a bit a source. */
        private @Nullable TraceRecord eom;

        private int acked;
        /** A write of SCONTROL that user space has not seen. */
        private @Nullable TraceRecord control;
    }

    /** One that has seen nothing but what {@code machine} has. */
    SynicVectorsEnd(ObservedMachine machine) {
        super(
                "X9",
                "A vector of the SynIC that ends itself is never in service, the sources of others hear of their EOI, all of an EOM, and those that are masked interrupt nobody",
                Tracepoint.VMCS_INIT,
                Tracepoint.SYNIC_VECTORS_CHANGED,
                Tracepoint.KVM_HV_SYNIC_SET_MSR,
                Tracepoint.INTERRUPT_ACKNOWLEDGED,
                Tracepoint.KVM_EXIT,
                Tracepoint.KVM_EOI,
                Tracepoint.KVM_HV_SYNIC_SEND_EOI,
                Tracepoint.KVM_HV_NOTIFY_ACKED_SINT,
                Tracepoint.SINT_READ,
                Tracepoint.KVM_USERSPACE_EXIT,
                Tracepoint.KVM_ENTRY);
        this.machine = machine;
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.SYNIC, Kind.VECTOR);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.GuestExited exit) {
            byVcpu.of(exit.vcpu()).virtualized = exit.reason() == ExitReason.EOI_INDUCED;
        } else if (event instanceof Event.EoiReceived eoi) {
            Synic s = byVcpu.of(eoi.vcpu());
            boolean telling =
                    eoi.vector() >= 0 && machine.vcpu(eoi.vcpu()).synic.get(eoi.vector());
            s.eoi = telling ? record : null;
            s.byProcessor = s.virtualized;
            s.vector = eoi.vector();
        } else if (event instanceof Event.HvSynicEoiSent sent) {
            Synic s = byVcpu.of(sent.vcpu());
            s.eoi = sent.vector() == s.vector ? null : s.eoi;
        } else if (event instanceof Event.GuestEntered entry) {
            entered(byVcpu.of(entry.vcpu()), entry, record);
        } else if (event instanceof Event.InterruptAcknowledged taken) {
            if (taken.inService() && byVcpu.of(taken.vcpu()).registers.end(taken.vector())) {
                violated(
                        record,
                        "vector " + Vectors.hex(taken.vector()) + " of vcpu" + taken.vcpu()
                                + " ends itself and is in service",
                        "");
            }
        } else {
            ofSources(record, event);
        }
    }

    private void ofSources(TraceRecord record, Event event) {
        if (event instanceof Event.HvSynicMsrSet set) {
            written(record, byVcpu.of(set.vcpu()), set);
        } else if (event instanceof Event.VmcsInitialised created) {
            byVcpu.of(created.vcpu()).registers.created();
        } else if (event instanceof Event.SynicVectorsChanged changed) {
            byVcpu.of(changed.vcpu()).registers.has(changed.vectors());
        } else if (event instanceof Event.HvSintAcked acked) {
            byVcpu.of(acked.vcpu()).acked |= 1 << acked.sint();
        } else if (event instanceof Event.UserspaceExited left) {
            if (left.reason() == Event.UserspaceExit.KVM_EXIT_HYPERV) {
                byVcpu.of(left.vcpu()).control = null;
            }
        } else if (event instanceof Event.SintRead read) {
            read(record, byVcpu.of(read.vcpu()), read);
        }
    }

    private void read(TraceRecord record, Synic s, Event.SintRead read) {
        int right = s.registers.vector(read.sint());
        if (s.registers.isKnown(read.sint()) && read.vector() != right) {
            violated(
                    record,
                    "source " + read.sint() + " of vcpu" + read.vcpu() + " interrupts by " + read.vector(),
                    "by its register it should by " + right);
        }
    }

    private static void written(TraceRecord record, Synic s, Event.HvSynicMsrSet set) {
        s.registers.write(set.msr(), set.value());
        if (set.msr() == SCONTROL) {
            s.control = record;
        } else if (set.msr() == EOM) {
            s.eom = record;
            s.acked = 0;
        }
    }

    private void entered(Synic s, Event.GuestEntered entry, TraceRecord record) {
        int vcpu = entry.vcpu();
        TraceRecord control = s.control;
        if (control != null) {
            s.control = null;
            violated(record, control, "user space has not seen the SCONTROL of vcpu" + vcpu, "");
        }
        if (entry.apicv() == Event.ApicvAtEntry.ACTIVE && s.registers.endAny()) {
            violated(record, "vcpu" + vcpu + " has a source with AutoEOI and enters the guest with APICv active", "");
        }
        TraceRecord eom = s.eom;
        s.eom = null;
        if (eom != null && s.acked != ALL) {
            violated(record, eom, "not all sources of the SynIC of vcpu" + vcpu + " have heard of its EOM", "");
        }
        TraceRecord eoi = s.eoi;
        if (eoi != null) {
            s.eoi = null;
            violated(
                    record,
                    eoi,
                    "the SynIC of vcpu" + vcpu + " did not hear of the EOI of vector " + Vectors.hex(s.vector),
                    "",
                    s.byProcessor ? Hazard.O2 : null);
        }
    }
}
