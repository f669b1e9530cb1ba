package org.vcpusim.check;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.vcpusim.arch.DeliveryMode;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.EntryPhase;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Lapic;
import org.vcpusim.kvm.MpState;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * When nothing moves any more no halted vCPU sleeps with an NMI or SMI to collect, and none waits for a start-up IPI that has come.
 *
 * <p>Models {@code __apic_accept_irq} and {@code kvm_apic_accept_events}, arch/x86/kvm/lapic.c. A start-up IPI that came before the
 * last INIT counts for nothing, and the boot processor waits for none: vCPU 0, or who has the bit for it in IA32_APIC_BASE.
 */
public final class NmisAndStartUpsAreServed extends Invariant {
    private static final int BOOT_VCPU = 0;
    private static final long WAKING = VcpuRequest.NMI.mask() | VcpuRequest.SMI.mask();

    /** The start-up IPIs that nobody has started by, by vCPU. */
    private final List<@Nullable TraceRecord> startUps = new ArrayList<>();
    /** vCPUs that INIT has reset and that have to wait for one. */
    private final BitSet waiting = new BitSet();

    private final BitSet bootProcessors = new BitSet();

    /** One that has seen nothing. */
    public NmisAndStartUpsAreServed() {
        super(
                "L8",
                "No halted vCPU sleeps with an NMI or SMI to collect, none waits for a start-up IPI that has come, and none that INIT has reset goes on without",
                Tracepoint.KVM_APIC_ACCEPT_IRQ,
                Tracepoint.SIPI_STARTED,
                Tracepoint.VCPU_RESET,
                Tracepoint.KVM_ENTRY,
                Tracepoint.KVM_MSR,
                Tracepoint.VCPU_AUDIT);
        bootProcessors.set(BOOT_VCPU);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.its(Kind.SLEEP, Kind.OTHER);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.InterruptAccepted accepted) {
            if (accepted.deliveryMode() == DeliveryMode.SIPI) {
                set(accepted.vcpu(), record);
            } else if (accepted.deliveryMode() == DeliveryMode.INIT) {
                set(accepted.vcpu(), null);
            }
        } else if (event instanceof Event.SipiStarted started) {
            set(started.vcpu(), null);
            waiting.clear(started.vcpu());
        } else if (event instanceof Event.VcpuReset reset) {
            waiting.set(reset.vcpu(), !bootProcessors.get(reset.vcpu()));
        } else if (event instanceof Event.GuestEntered entry) {
            if (waiting.get(entry.vcpu())) {
                waiting.clear(entry.vcpu());
                violated(record, "vcpu" + entry.vcpu() + " goes on after INIT without a start-up IPI", "");
            }
        } else if (event instanceof Event.MsrAccessed msr) {
            if (msr.msr() == Lapic.BASE_MSR && msr.access() == Event.Access.WRITE && !msr.fault()) {
                bootProcessors.set(msr.vcpu(), (msr.value() & Lapic.BASE_BSP) != 0);
            }
        } else if (event instanceof Event.VcpuAudited audited) {
            audited(audited, record);
        }
    }

    private void audited(Event.VcpuAudited audited, TraceRecord record) {
        boolean sleeps = audited.phase() == EntryPhase.BLOCKED && audited.state() == MpState.HALTED;
        if (sleeps && (audited.requests() & WAKING) != 0) {
            violated(
                    record,
                    "vcpu" + audited.vcpu() + " sleeps, and nobody will wake it for what it was asked",
                    BitWords.requests(audited.requests() & WAKING));
        }
        if (bootProcessors.get(audited.vcpu()) && audited.state() == MpState.INIT_RECEIVED) {
            violated(
                    record, "vcpu" + audited.vcpu() + " waits for a start-up IPI, though it is the boot processor", "");
        }
        TraceRecord since = audited.vcpu() < startUps.size() ? startUps.get(audited.vcpu()) : null;
        if (since != null && audited.state() == MpState.INIT_RECEIVED) {
            violated(record, since, "vcpu" + audited.vcpu() + " waits for a start-up IPI, which has come", "");
        }
    }

    private void set(int vcpu, @Nullable TraceRecord startUp) {
        while (startUps.size() <= vcpu) {
            startUps.add(null);
        }
        startUps.set(vcpu, startUp);
    }
}
