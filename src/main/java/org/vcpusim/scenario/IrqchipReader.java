package org.vcpusim.scenario;

import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.kvm.Ioapic;
import org.vcpusim.kvm.Irqchip;
import org.vcpusim.kvm.Machine;
import org.vcpusim.kvm.Routing;
import org.vcpusim.kvm.UserspaceIoapic;

/** Reads which interrupt controllers are in the kernel, and where GSIs lead. */
record IrqchipReader(Located root) {
    private static final List<String> IRQCHIPS = List.of("kernel", "split");
    private static final List<String> ROUTINGS = List.of("ioapic", "default", "pcat");
    private static final List<String> SUPPRESSIONS = List.of("quirk", "enabled", "disabled");
    private static final List<Integer> SUPPRESSION_FLAGS =
            List.of(0, Machine.X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST, Machine.X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST);
    private static final String ONLY_SPLIT = "absent unless irqchip = split";

    /** Which interrupt controllers are in the kernel. */
    Irqchip irqchip() {
        boolean split = root.get("irqchip")
                .map(found -> found.oneOf(IRQCHIPS).equals("split"))
                .orElse(false);
        Optional<Located> pins = root.get("reserved-ioapic-pins");
        if (split) {
            return Irqchip.split(
                    pins.map(found -> (int) found.number(0, Irqchip.MOST_PINS)).orElse(Ioapic.PINS));
        }
        pins.ifPresent(found -> {
            throw found.wrong(ONLY_SPLIT);
        });
        return Irqchip.KERNEL;
    }

    /** The flags of KVM_CAP_X2APIC_API for the suppression of EOI broadcasts. */
    int suppressEoiBroadcast(Irqchip irqchip) {
        Optional<Located> key = root.get("suppress-eoi-broadcast");
        int flags = key.map(found -> SUPPRESSION_FLAGS.get(SUPPRESSIONS.indexOf(found.oneOf(SUPPRESSIONS))))
                .orElse(0);
        if (flags == Machine.X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST && !irqchip.isSplit()) {
            throw key.orElse(root).wrong("quirk or disabled unless irqchip = split");
        }
        return flags;
    }

    /** Where GSIs lead at start: with a split irqchip, where the entries do. */
    Routing routing(Irqchip irqchip, SortedMap<Integer, RedirectionEntry> entries) {
        Optional<Located> key = root.get("routing");
        if (irqchip.isSplit()) {
            key.ifPresent(found -> {
                throw found.wrong("absent with irqchip = split, whose routes are the entries of its IOAPIC");
            });
            return UserspaceIoapic.of(Scenario.ioapic(entries)).routing();
        }
        String name = key.map(found -> found.oneOf(ROUTINGS)).orElse("ioapic");
        return Routing.of(Routing.Preset.values()[ROUTINGS.indexOf(name)]);
    }
}
