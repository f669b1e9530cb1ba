package org.vcpusim.sim;

import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.check.BitWords;
import org.vcpusim.check.Vectors;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Machine;
import org.vcpusim.kvm.RtcTracking;
import org.vcpusim.kvm.VcpuMode;

/** Words for what few stories tell of: L2, APICv that comes and goes, the SynIC, the RTC, the host's processors. */
final class StoryRareWords {
    private StoryRareWords() {}

    /** The line for {@code event}, empty where it is none of these. */
    static Optional<String> of(Event event) {
        Optional<String> line = nested(event);
        line = line.isPresent() ? line : apicv(event);
        return line.isPresent() ? line : devices(event);
    }

    private static Optional<String> nested(Event event) {
        if (event instanceof Event.NestedEntered e) {
            return Optional.of("nested_vmx_run: vcpu" + e.vcpu() + " turns to L2");
        } else if (event instanceof Event.NestedExitInjected e) {
            return Optional.of("nested_vmx_vmexit: vcpu" + e.vcpu() + " turns back to L1, "
                    + e.reason().traceName());
        } else if (event instanceof Event.Vmcs02Prepared e) {
            return Optional.of("prepare_vmcs02: EOI_EXIT_BITMAP of vcpu" + e.vcpu() + " := "
                    + StoryWords.vectors(e.bitmap()) + ", as L1 has it for L2");
        } else if (event instanceof Event.NestedInterruptPosted e) {
            return Optional.of(
                    "L1: requests vector " + Vectors.hex(e.vector()) + " in the descriptor of L2 of vcpu" + e.vcpu());
        } else if (event instanceof Event.NestedNotificationNoted e) {
            return Optional.of("vmx_deliver_nested_posted_interrupt: pi_pending of vcpu" + e.vcpu() + " is set");
        } else if (event instanceof Event.NestedNotificationTriggered e) {
            return Optional.of("kvm_vcpu_trigger_posted_interrupt: vcpu" + e.vcpu() + " is found in " + e.mode()
                    + (e.mode() == VcpuMode.IN_GUEST_MODE ? ", and notified" : ", and woken if it sleeps"));
        } else if (event instanceof Event.NestedInterruptsSynced e) {
            return Optional.of((e.by() == Event.SyncedBy.KVM
                            ? "vmx_complete_nested_posted_interrupt: takes "
                            : e.by().name().toLowerCase(Locale.ROOT) + ": takes ")
                    + StoryWords.vectors(e.taken()) + " from PIR of L2 of vcpu" + e.vcpu());
        } else if (event instanceof Event.NestedPostingLoaded e) {
            return Optional.of("vmx_vcpu_run: vcpu" + e.vcpu() + " enters L2 with "
                    + StoryWords.vectors(VectorBitmap.EMPTY.or(e.pir())) + " in its PIR"
                    + (e.noted() ? ", pi_pending still set" : ""));
        }
        return Optional.empty();
    }

    private static Optional<String> apicv(Event event) {
        if (event instanceof Event.ApicvInhibitChanged e) {
            return Optional.of("__kvm_set_or_clear_apicv_inhibit: " + e.reason() + " is "
                    + e.change().name().toLowerCase(Locale.ROOT) + ", the inhibits are to be "
                    + BitWords.inhibits(e.inhibits()));
        } else if (event instanceof Event.ApicvInhibitsStored e) {
            return Optional.of(
                    "__kvm_set_or_clear_apicv_inhibit: apicv_inhibit_reasons := " + BitWords.inhibits(e.inhibits()));
        } else if (event instanceof Event.ApicvUpdated e) {
            return Optional.of("__kvm_vcpu_update_apicv: APICv of vcpu" + e.vcpu() + " is "
                    + (e.active() ? "active" : "off") + ", inhibits " + BitWords.inhibits(e.inhibits())
                    + (e.changed() ? "" : ", as before"));
        } else if (event instanceof Event.EoiExitmapLoadSkipped e) {
            return Optional.of("vmx_load_eoi_exitmap: nothing is written for vcpu" + e.vcpu() + ", "
                    + e.why().name().toLowerCase(Locale.ROOT).replace('_', ' '));
        } else if (event instanceof Event.EoiExitmapLoadDeferred e) {
            return Optional.of("vcpu_load_eoi_exitmap: vcpu" + e.vcpu() + " runs L2, the load is put off");
        } else if (event instanceof Event.InterruptStateLoaded e) {
            String off = e.hints().apicv() == Machine.Apicv.ACTIVE ? "L2" : "the guest with APICv off";
            return Optional.of("vmx_vcpu_run: vcpu" + e.vcpu() + " enters "
                    + (e.apicv() ? "the guest with " + status(e.status()) : off) + ", requested "
                    + StoryWords.vectors(e.irr()) + ", in service " + StoryWords.vectors(e.isr()) + ", PIR "
                    + StoryWords.vectors(e.descriptor().pir())
                    + (e.descriptor().control().on() ? ", ON" : "")
                    + (e.hints().irrPending() ? "" : ", irr_pending false")
                    + (e.hints().highestIsrCache() < 0
                            ? ""
                            : ", highest_isr_cache " + Vectors.hex(e.hints().highestIsrCache())));
        } else if (event instanceof Event.InterruptPassedOver e) {
            return Optional.of("vcpu_enter_guest: vcpu" + e.vcpu() + " enters the guest past vector "
                    + Vectors.hex(e.vector()) + ", without asking for a window");
        }
        return Optional.empty();
    }

    private static String status(int status) {
        return "RVI " + StoryWords.hexOrNone(status & 0xff) + ", SVI " + StoryWords.hexOrNone(status >> 8 & 0xff);
    }

    private static Optional<String> devices(Event event) {
        if (event instanceof Event.MsiSet e) {
            return Optional.of("kvm_set_msi: MSI with vector " + Vectors.hex(e.data() & 0xff) + ", address 0x"
                    + Long.toHexString(e.address()));
        } else if (event instanceof Event.ApicIpiSent e) {
            return Optional.of("kvm_apic_send_ipi: vcpu" + e.vcpu() + " sends vector " + Vectors.hex(e.icrLow() & 0xff)
                    + ", destination 0x" + Integer.toHexString(e.destination()));
        } else if (event instanceof Event.SynicVectorsChanged e) {
            return Optional.of(
                    "synic_update_vector: the SynIC of vcpu" + e.vcpu() + " has " + StoryWords.vectors(e.vectors()));
        } else if (event instanceof Event.RtcTracked e) {
            RtcTracking rtc = e.tracking();
            String owed = rtc.owed().stream()
                    .map(each -> "vcpu" + each.vcpu() + " vector " + Vectors.hex(each.vector()))
                    .collect(Collectors.joining(", "));
            return Optional.of("rtc_status: " + rtc.pendingEois() + " EOIs are to come, from "
                    + (owed.isEmpty() ? "nobody" : owed));
        } else if (event instanceof Event.VcpuScheduledOut e) {
            return Optional.of("kvm_sched_out: vcpu" + e.vcpu() + " loses processor " + e.cpu() + " of the host");
        } else if (event instanceof Event.BroadcastStarted e) {
            return Optional.of("kvm_make_vcpus_request_mask: " + e.request() + " of " + e.targets() + " vCPUs");
        } else if (event instanceof Event.GsiRoutingSet e) {
            return Optional.of("kvm_set_irq_routing: table " + e.sequence() + " is published, "
                    + e.pins().stream()
                            .map(route -> "GSI " + route.gsi() + " sends vector " + Vectors.hex(route.data() & 0xff)
                                    + " to 0x" + Long.toHexString(route.address()))
                            .collect(Collectors.joining(", ")));
        } else if (event instanceof Event.AckNotifiersChanged e) {
            return Optional.of("kvm_register_irq_ack_notifier: pins with a notifier: " + BitWords.numbers(e.pins()));
        } else if (event instanceof Event.ResampleSignalled e) {
            return Optional.of("irqfd_resampler_ack: the device is told to look at its line, irqfd " + e.irqfd());
        } else if (event instanceof Event.HvSynicIrqSet e) {
            return Optional.of("synic_set_irq: source " + e.sint() + " of vcpu" + e.vcpu() + " sends vector "
                    + Vectors.hex(e.vector()));
        } else if (event instanceof Event.IoapicStateSaved e) {
            return Optional.of("kvm_get_ioapic: pins told to be pending: " + BitWords.numbers(e.irr())
                    + "; edges delivered: " + BitWords.numbers(e.delivered()));
        } else if (event instanceof Event.IoapicStateRestored e) {
            return Optional.of("kvm_set_ioapic: pins that are to be pending: " + BitWords.numbers(e.irr()));
        } else if (event instanceof Event.IoapicTableSet) {
            return Optional.of("kvm_set_ioapic: user space sets the redirection table");
        } else if (event instanceof Event.HostCrashed e) {
            return Optional.of("the host's kernel fails: "
                    + e.how().name().toLowerCase(Locale.ROOT).replace('_', ' '));
        }
        return Optional.empty();
    }
}
