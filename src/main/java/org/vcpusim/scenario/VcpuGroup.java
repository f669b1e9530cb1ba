package org.vcpusim.scenario;

import java.util.Optional;
import org.vcpusim.arch.ApicRegister;
import org.vcpusim.arch.LocalApic;
import org.vcpusim.kvm.ApicIdentity;
import org.vcpusim.kvm.ApicIdentity.ApicMode;
import org.vcpusim.kvm.Guest;
import org.vcpusim.kvm.HvSynic;
import org.vcpusim.kvm.Lapic;
import org.vcpusim.kvm.Machine;

/**
 * vCPUs that are alike; all of them share these objects.
 *
 * @param name as in the file
 */
record VcpuGroup(
        String name,
        ApicMode apic,
        EoiBroadcasts eoiBroadcasts,
        LogicalIds logicalIds,
        Optional<HvSynic> synic,
        Guest.Software software) {

    /** Whether a local APIC's EOIs of level interrupts are broadcast to the IOAPICs. */
    enum EoiBroadcasts {
        ON,
        /** The spurious-interrupt vector register says no, as a host that offers that has let the guest write it. */
        SUPPRESSED
    }

    /** What firmware has written to LDR and DFR. */
    enum LogicalIds {
        /** Nothing: no logical destination matches. */
        NONE(Integer.MAX_VALUE),
        /** The flat model: one bit a vCPU. */
        FLAT(8),
        /** The cluster model: four vCPUs a cluster, fifteen clusters. */
        CLUSTER(60);

        private final int vcpus;

        LogicalIds(int vcpus) {
            this.vcpus = vcpus;
        }

        /** How many vCPUs can have such an ID. */
        int vcpus() {
            return vcpus;
        }
    }

    private static final int LDR_SHIFT = 24;
    private static final int VCPUS_A_CLUSTER = 4;

    /** The local APIC of {@code vcpu} as firmware hands it over. */
    Lapic lapic(Machine machine, int vcpu) {
        Lapic created = Lapic.created(machine, vcpu);
        LocalApic page = created.page();
        int suppress = eoiBroadcasts == EoiBroadcasts.SUPPRESSED ? Lapic.SPIV_SUPPRESS_EOI : 0;
        page = page.write(ApicRegister.SPIV, page.read(ApicRegister.SPIV) | Lapic.SPIV_ENABLED | suppress);
        page = withLogicalId(page, vcpu);
        long base = created.apicBase();
        if (apic == ApicMode.DISABLED || !machine.hasLapics()) {
            base &= ~Lapic.BASE_ENABLE;
        }
        if (apic == ApicMode.X2APIC) {
            base |= Lapic.BASE_X2APIC;
            page = page.write(ApicRegister.ID, vcpu).write(ApicRegister.LDR, ApicIdentity.x2apicLdr(vcpu));
        }
        return Lapic.of(vcpu, page, base);
    }

    private LocalApic withLogicalId(LocalApic page, int vcpu) {
        return switch (logicalIds) {
            case NONE -> page;
            case FLAT -> page.write(ApicRegister.LDR, 1 << vcpu << LDR_SHIFT);
            case CLUSTER -> {
                int id = vcpu / VCPUS_A_CLUSTER << 4 | 1 << vcpu % VCPUS_A_CLUSTER;
                yield page.write(ApicRegister.LDR, id << LDR_SHIFT).write(ApicRegister.DFR, ApicIdentity.DFR_CLUSTER);
            }
        };
    }
}
