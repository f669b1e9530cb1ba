package org.vcpusim.sim;

import java.util.Locale;
import java.util.Optional;
import org.vcpusim.check.BitWords;
import org.vcpusim.check.Vectors;
import org.vcpusim.kvm.Event;

/** Words for what goes on in local APICs, in the PIC and in the SynIC. */
final class StoryApicWords {
    private StoryApicWords() {}

    /** The line for {@code event}, empty where it is none of these. */
    static Optional<String> of(Event event) {
        Optional<String> line = registers(event);
        line = line.isPresent() ? line : state(event);
        return line.isPresent() ? line : controllers(event);
    }

    private static Optional<String> registers(Event event) {
        if (event instanceof Event.InterruptRequested e) {
            return Optional.of((e.by() == Event.SyncedBy.KVM ? "apic_set_vector: " : "processor: ") + "vector "
                    + Vectors.hex(e.vector()) + " is set in IRR of vcpu" + e.vcpu()
                    + (e.coalesced() ? ", already set" : ""));
        } else if (event instanceof Event.IrrPendingRaised e) {
            return Optional.of("kvm_lapic_set_irr: irr_pending of vcpu" + e.vcpu() + " := true, for vector "
                    + Vectors.hex(e.vector()));
        } else if (event instanceof Event.InterruptAcknowledged e) {
            return Optional.of("kvm_apic_ack_interrupt: vector " + Vectors.hex(e.vector()) + " of vcpu" + e.vcpu()
                    + " leaves IRR" + (e.inService() ? ", in service" : ", and ends itself"));
        } else if (event instanceof Event.InterruptDiscarded e) {
            return Optional.of("__apic_accept_irq: vector " + Vectors.hex(e.vector())
                    + " is discarded, the local APIC of vcpu" + e.vcpu() + " is disabled");
        } else if (event instanceof Event.InterruptsHeldBack e) {
            return Optional.of("processor: " + (e.nested() ? "L2 of vcpu" : "vcpu") + e.vcpu() + " goes on past vector "
                    + Vectors.hex(e.requested()) + ", in service " + StoryWords.hexOrNone(e.inService()) + ", TPR "
                    + Vectors.hex(e.priority()));
        } else if (event instanceof Event.TaskPriorityChanged e) {
            return Optional.of("apic_set_tpr: TPR of vcpu" + e.vcpu() + " := " + Vectors.hex(e.priority()));
        } else if (event instanceof Event.ApicvInterruptAccepted e) {
            return Optional.of(
                    "vmx_deliver_interrupt: vector " + Vectors.hex(e.vector()) + " is posted to vcpu" + e.vcpu());
        } else if (event instanceof Event.EoiForwarded e) {
            return Optional.of("kvm_ioapic_send_eoi: the EOI of vector " + Vectors.hex(e.vector()) + " of vcpu"
                    + e.vcpu() + " goes to the IOAPIC, " + StoryWords.lower(e.trigger())
                    + (e.suppressed() ? ", though broadcasts are suppressed" : ""));
        }
        return Optional.empty();
    }

    private static Optional<String> state(Event event) {
        if (event instanceof Event.LapicStateSet e) {
            return Optional.of("kvm_apic_set_state: the local APIC of vcpu" + e.vcpu() + " has "
                    + StoryWords.vectors(e.irr()) + " in IRR and " + StoryWords.vectors(e.isr()) + " in ISR");
        } else if (event instanceof Event.VcpuReset e) {
            return Optional.of("kvm_vcpu_reset: INIT resets vcpu" + e.vcpu());
        } else if (event instanceof Event.SipiStarted e) {
            return Optional.of("kvm_apic_accept_events: vcpu" + e.vcpu() + " starts at page " + Vectors.hex(e.page()));
        } else if (event instanceof Event.SmiHandled e) {
            return Optional.of("process_smi: vcpu" + e.vcpu() + " handles an SMI");
        } else if (event instanceof Event.NmiUnblocked e) {
            return Optional.of("guest: the NMI handler of vcpu" + e.vcpu() + " returns");
        } else if (event instanceof Event.ApicIdentityChanged e) {
            return Optional.of("kvm_recalculate_apic_map: the local APIC of vcpu"
                    + e.identity().vcpu() + " has ID "
                    + Vectors.hex(e.identity().xapicId()) + ", "
                    + e.identity().mode().name().toLowerCase(Locale.ROOT)
                    + (e.identity().softwareEnabled() ? "" : ", disabled by software"));
        } else if (event instanceof Event.VmcsInitialised e) {
            return Optional.of(
                    "init_vmcs: the VMCS of vcpu" + e.vcpu() + " is written, APICv " + (e.apicv() ? "active" : "off"));
        } else if (event instanceof Event.ApicPageZapped) {
            return Optional.of("kvm_zap_gfn_range: the APIC page is no longer mapped");
        }
        return Optional.empty();
    }

    private static Optional<String> controllers(Event event) {
        if (event instanceof Event.PicIrqSet e) {
            return Optional.of("kvm_pic_set_irq: input " + e.pin() + " of the " + (e.chip() == 0 ? "master" : "slave")
                    + (e.coalesced() ? ", coalesced" : ""));
        } else if (event instanceof Event.IrqLineSet e) {
            return Optional.of(
                    "kvm_set_irq: source " + e.source() + (e.level() == 0 ? " lowers" : " raises") + " GSI " + e.gsi());
        } else if (event instanceof Event.PitTicked e) {
            return Optional.of(
                    "pit_timer_fn: the PIT ticks" + (e.reinjected() ? "" : ", and loses what comes too early"));
        } else if (event instanceof Event.HvSynicEoiSent e) {
            return Optional.of(
                    "kvm_hv_synic_send_eoi: vector " + Vectors.hex(e.vector()) + " of vcpu" + e.vcpu() + " has ended");
        } else if (event instanceof Event.HvSynicMsrSet e) {
            return Optional.of("synic_set_msr: the guest on vcpu" + e.vcpu() + " writes 0x"
                    + Long.toHexString(e.value()) + " to MSR 0x" + Integer.toHexString(e.msr()));
        } else if (event instanceof Event.HvSintAcked e) {
            return Optional.of("kvm_hv_notify_acked_sint: source " + e.sint() + " of vcpu" + e.vcpu() + " hears of it");
        } else if (event instanceof Event.SintRead e) {
            return Optional.of("synic_set_irq: source " + e.sint() + " of vcpu" + e.vcpu() + " is read, vector "
                    + Vectors.hex(e.vector()));
        } else if (event instanceof Event.IoapicTableRead e) {
            return Optional.of("kvm_ioapic_scan_entry: the table is read for vcpu" + e.vcpu());
        } else if (event instanceof Event.IoapicEoiInjectDelayed e) {
            return Optional.of(
                    "kvm_ioapic_eoi_inject_work: " + BitWords.entry(e.entry()) + ", interrupts after a pause");
        } else if (event instanceof Event.StormUnderWay e) {
            return Optional.of(
                    "ioapic: pin " + e.pin() + " has seen " + e.eois() + " EOIs in a row with its line high");
        }
        return Optional.empty();
    }
}
