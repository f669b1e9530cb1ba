package org.vcpusim.check;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * The vectors of a SynIC, whose EOIs have to leave the guest, are those of its sources that are not masked.
 *
 * <p>Models {@code synic_update_vector}, arch/x86/kvm/hyperv.c, for both vectors of a source register that is written. Judged when the
 * vCPU next enters its guest; of a trace without beginning only the sources that are written are known.
 */
public final class SynicHasItsSources extends Invariant {
    private final ObservedMachine machine;
    private final ByVcpu<Synic> byVcpu = new ByVcpu<>(Synic::new);

    private static final class Synic {
        private final SynicRegisters registers = new SynicRegisters();
        /** The last write of a source register that no entry has followed. */
        private @Nullable TraceRecord written;
    }

    /** One that has seen nothing but what {@code machine} has. */
    SynicHasItsSources(ObservedMachine machine) {
        super(
                "X13",
                "The vectors of a SynIC are those of its sources that are not masked",
                Tracepoint.VMCS_INIT,
                Tracepoint.SYNIC_VECTORS_CHANGED,
                Tracepoint.KVM_HV_SYNIC_SET_MSR,
                Tracepoint.KVM_ENTRY);
        this.machine = machine;
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.SYNIC);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.VmcsInitialised created) {
            byVcpu.of(created.vcpu()).registers.created();
        } else if (event instanceof Event.SynicVectorsChanged changed) {
            byVcpu.of(changed.vcpu()).registers.has(changed.vectors());
        } else if (event instanceof Event.HvSynicMsrSet set) {
            Synic synic = byVcpu.of(set.vcpu());
            synic.written = synic.registers.write(set.msr(), set.value()) ? record : synic.written;
        } else if (event instanceof Event.GuestEntered entry) {
            entered(entry.vcpu(), record);
        }
    }

    private void entered(int vcpu, TraceRecord record) {
        Synic synic = byVcpu.of(vcpu);
        TraceRecord written = synic.written;
        VectorBitmap vectors = machine.vcpu(vcpu).synic;
        synic.written = null;
        if (written != null && !synic.registers.explain(vectors)) {
            violated(
                    record,
                    written,
                    "the SynIC of vcpu" + vcpu + " has other vectors than its sources",
                    vectors.toString());
        }
    }
}
