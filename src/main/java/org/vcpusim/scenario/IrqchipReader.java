package org.vcpusim.scenario;

import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.kvm.Device;
import org.vcpusim.kvm.Ioapic;
import org.vcpusim.kvm.Irqchip;
import org.vcpusim.kvm.Machine;
import org.vcpusim.kvm.Pit;
import org.vcpusim.kvm.Program;
import org.vcpusim.kvm.Routing;
import org.vcpusim.kvm.UserspaceIoapic;

/** Reads which interrupt controllers are in the kernel, where GSIs lead, and how devices' lines get there. */
record IrqchipReader(Located root, int vcpus) {
    private static final String KERNEL = "kernel";
    private static final String EARLY = "a list of vCPUs";
    private static final List<String> IRQCHIPS = List.of("kernel", "split", "none");
    private static final List<String> ROUTINGS = List.of("ioapic", "default", "pcat");
    private static final List<String> SUPPRESSIONS = List.of("quirk", "enabled", "disabled");
    private static final List<Integer> SUPPRESSION_FLAGS =
            List.of(0, Machine.X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST, Machine.X2APIC_DISABLE_SUPPRESS_EOI_BROADCAST);
    private static final List<String> PITS = List.of("none", "reinject", "discard");
    private static final String ONLY_SPLIT = "absent unless irqchip = split";

    /** Which interrupt controllers are in the kernel. */
    Irqchip irqchip() {
        String mode = root.get("irqchip").map(found -> found.oneOf(IRQCHIPS)).orElse(KERNEL);
        Optional<Located> pins = root.get("reserved-ioapic-pins");
        if (!mode.equals(KERNEL)) {
            root.get("early-vcpus").ifPresent(found -> {
                throw found.wrong("absent unless irqchip = kernel");
            });
        }
        if (mode.equals("split")) {
            return Irqchip.split(
                    pins.map(found -> (int) found.number(0, Irqchip.MOST_PINS)).orElse(Ioapic.PINS));
        }
        pins.ifPresent(found -> {
            throw found.wrong(ONLY_SPLIT);
        });
        return mode.equals(KERNEL) ? Irqchip.kernelAfter(earlyVcpus()) : Irqchip.NONE;
    }

    /** The vCPUs that the VMM would create before KVM_CREATE_IRQCHIP. */
    private List<Integer> earlyVcpus() {
        List<Located> elements =
                root.get("early-vcpus").map(found -> found.elements(EARLY)).orElse(List.of());
        return elements.stream()
                .map(each -> (int) each.number(0, vcpus - 1))
                .sorted()
                .distinct()
                .toList();
    }

    /** Without interrupt controllers in the kernel there is nothing that a key about them could mean. */
    void checkNone(Irqchip irqchip) {
        if (irqchip.mode() != Irqchip.Mode.NONE) {
            return;
        }
        for (String key : List.of("ioapic", "successive-eois", "routing", "pit", "apic", "logical-ids", "devices")) {
            root.get(key).ifPresent(found -> {
                throw found.wrong("absent with irqchip = none");
            });
        }
    }

    /** How many EOIs in a row have found a pin's line high at start, by pin. */
    SortedMap<Integer, Integer> successiveEois(Irqchip irqchip) {
        SortedMap<Integer, Integer> counts = new TreeMap<>();
        List<Located.Member> members = root.get("successive-eois")
                .map(found -> found.members("numbers of EOIs by pin"))
                .orElse(List.of());
        for (Located.Member member : members) {
            if (irqchip.mode() != Irqchip.Mode.KERNEL) {
                throw member.value().wrong("absent unless irqchip = kernel");
            }
            int pin = ScenarioReader.keyNumber(member, "pin", Ioapic.PINS - 1);
            counts.put(pin, (int) member.value().number(0, Ioapic.SUCCESSIVE_EOI_LIMIT - 1));
        }
        return Collections.unmodifiableSortedMap(counts);
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

    /** The PIT in the kernel. */
    Pit.Mode pit(Irqchip irqchip) {
        Optional<Located> key = root.get("pit");
        Pit.Mode mode = Pit.Mode.values()[
                PITS.indexOf(key.map(found -> found.oneOf(PITS)).orElse(PITS.get(0)))];
        if (irqchip.isSplit() && mode != Pit.Mode.ABSENT) {
            throw key.orElse(root).wrong("none with irqchip = split");
        }
        return mode;
    }

    /** A device can let the PIT's timer expire, or the IOAPIC be saved, only where there is one in the kernel. */
    void check(Located device, Program<Device.Action> program) {
        boolean saves = ProgramReader.any(program, action -> action instanceof Device.SaveState);
        if (saves && irqchip().isSplit()) {
            throw root.get("irqchip")
                    .orElse(root)
                    .wrong("kernel for save-ioapic and restore-ioapic in " + device.path());
        }
        boolean ticks = ProgramReader.any(program, action -> action == Device.Plain.PIT_TICK);
        if (ticks && pit(irqchip()) == Pit.Mode.ABSENT) {
            throw root.wrong("pit", "none", "reinject or discard for pit-tick in " + device.path());
        }
    }

    /** How a device's line gets to an IOAPIC. */
    Device.Wiring wiring(Located device) {
        boolean split = irqchip().isSplit();
        Optional<Located> irqfd = device.get("irqfd");
        boolean resample = irqfd.map(
                        found -> found.oneOf(List.of("none", "resample")).equals("resample"))
                .orElse(false);
        if (resample && (split || device.get("line").isEmpty())) {
            throw irqfd.orElse(device).wrong(split ? "none with irqchip = split" : "none without a line");
        }
        return split ? Device.Wiring.USERSPACE : resample ? Device.Wiring.IRQFD : Device.Wiring.KERNEL;
    }
}
