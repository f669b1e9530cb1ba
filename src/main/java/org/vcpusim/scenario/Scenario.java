package org.vcpusim.scenario;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigValueFactory;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.stream.IntStream;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.kvm.Fault;
import org.vcpusim.kvm.Guest;
import org.vcpusim.kvm.Hazard;
import org.vcpusim.kvm.HvSynic;
import org.vcpusim.kvm.Ioapic;
import org.vcpusim.kvm.IoapicState;
import org.vcpusim.kvm.Lapic;
import org.vcpusim.kvm.Machine;
import org.vcpusim.kvm.Pit;
import org.vcpusim.kvm.Protocol;
import org.vcpusim.kvm.Routing;
import org.vcpusim.kvm.Rules;

/**
 * A VM to simulate, checked and ready: the machine, its state at start, and what its guests and devices do.
 *
 * <p>vCPUs of one group share their objects, so that a VM of thousands costs little more than one of a few.
 *
 * @param name the file's, without directory and ending
 * @param title one sentence that says what it shows
 * @param routing where GSIs lead
 * @param pit the PIT in the kernel
 * @param entries redirection entries at start, by pin; the other pins are masked
 * @param successiveEois how many EOIs in a row have found the line of a pin high, by pin; 0 for the other pins
 * @param devices in the order of their indices
 * @param groups the group of each vCPU, by index
 * @param text what this was read from
 */
public record Scenario(
        String name,
        String title,
        Machine machine,
        Routing routing,
        Pit.Mode pit,
        SortedMap<Integer, RedirectionEntry> entries,
        SortedMap<Integer, Integer> successiveEois,
        List<Peripheral> devices,
        Limits limits,
        List<VcpuGroup> groups,
        ScenarioText text) {
    private static final int DIGEST_BYTES = 6;

    public Scenario {
        devices = List.copyOf(devices);
        groups = List.copyOf(groups);
    }

    /** The IOAPIC at start, as user space restores it. */
    public IoapicState ioapic() {
        return ioapic(entries);
    }

    static IoapicState ioapic(SortedMap<Integer, RedirectionEntry> entries) {
        List<RedirectionEntry> all = IntStream.range(0, Ioapic.PINS)
                .mapToObj(pin -> entries.getOrDefault(pin, RedirectionEntry.RESET))
                .toList();
        return new IoapicState(0, 0, 0, all);
    }

    /** The local APIC of {@code vcpu} at start: enabled by firmware unless the scenario says otherwise. */
    public Lapic lapic(int vcpu) {
        return groups.get(vcpu).lapic(machine, vcpu);
    }

    /** The Hyper-V SynIC of {@code vcpu}; empty where it has no Hyper-V context. */
    public Optional<HvSynic> synic(int vcpu) {
        return groups.get(vcpu).synic();
    }

    /** What the guest of {@code vcpu} runs; the same object for all vCPUs of a group. */
    public Guest.Software software(int vcpu) {
        return groups.get(vcpu).software();
    }

    /** The name of the group of {@code vcpu}. */
    public String group(int vcpu) {
        return groups.get(vcpu).name();
    }

    /**
     * This scenario with {@code count} vCPUs: its groups are told apart anew.
     *
     * @throws InputException where the count is out of range, or a group names a vCPU that is not there
     */
    public Scenario withVcpus(int count) {
        Config settings = Limits.settings("vcpusim.scenario");
        int most = settings.getInt("vcpus");
        if (count < 1 || count > most) {
            throw new InputException("--vcpus = " + count + ": must be " + Numbers.range(1, most));
        }
        Scenario other = new ScenarioReader(text.with(text.root(), null), count).read();
        return other.with(new Machine(
                count,
                machine.protocol(),
                machine.apicv(),
                other.machine.x2apicApi(),
                machine.devices(),
                machine.tpr(),
                machine.rules(),
                machine.garbageSeed(),
                machine.irqchip(),
                other.machine.physicalCpus(),
                other.machine.hotplug(),
                machine.haltPollNanos()));
    }

    /** This scenario with these faults and no others. */
    public Scenario withFaults(EnumSet<Fault> faults) {
        return with(machine.withFaults(faults));
    }

    /** This scenario with other rules. */
    public Scenario withRules(Rules rules) {
        return with(machine.with(rules));
    }

    /** This scenario with other garbage in uninitialised memory. */
    public Scenario withGarbageSeed(long seed) {
        return with(machine.withGarbageSeed(seed));
    }

    /** This scenario with another protocol. */
    public Scenario withProtocol(Protocol protocol) {
        return with(machine.with(protocol));
    }

    /** This scenario with what was not read from its file, but set from outside, in {@code other}. */
    Scenario playedLike(Scenario other) {
        Machine there = other.machine;
        Machine here = machine.with(there.protocol()).with(there.rules()).withGarbageSeed(there.garbageSeed());
        return with(here);
    }

    /** The scenario that this one is cut from; itself where it is not. */
    public Scenario whole() {
        ScenarioText.Cut cut = text.cut();
        return cut == null ? this : cut.whole();
    }

    /** How it was cut, for {@link ScenarioCuts#at}; empty where it is whole. */
    public List<Integer> cuts() {
        ScenarioText.Cut cut = text.cut();
        return cut == null ? List.of() : cut.positions();
    }

    /** It as the file of a scenario that is played like this one wherever it is: with all rules that were set from outside. */
    public String standalone() {
        Rules rules = machine.rules();
        ConfigObject root = text.root();
        for (String key : RulesReader.KEYS) {
            root = root.withoutKey(key);
        }
        List<String> faults = rules.faults().stream().map(Fault::key).toList();
        List<String> cures = Arrays.stream(Hazard.values())
                .filter(rules::cures)
                .map(Enum::name)
                .toList();
        root = faults.isEmpty() ? root : root.withValue("faults", ConfigValueFactory.fromIterable(faults));
        root = cures.isEmpty() ? root : root.withValue("with", ConfigValueFactory.fromIterable(cures));
        if (machine.garbageSeed() != 0) {
            root = root.withValue("garbage-seed", ConfigValueFactory.fromAnyRef(machine.garbageSeed()));
        }
        return written(root.withValue(
                "protocol", ConfigValueFactory.fromAnyRef(machine.protocol().key())));
    }

    /** It as a scenario file, comments other than the title left out. */
    public String hocon() {
        return written(text.root());
    }

    private String written(ConfigObject root) {
        return "# " + title + "\n\n"
                + root.withValue("vcpus", ConfigValueFactory.fromAnyRef(machine.vcpuCount()))
                        .render(ConfigRenderOptions.defaults()
                                .setOriginComments(false)
                                .setComments(false)
                                .setJson(false));
    }

    /** What its file says apart from comments and layout, as twelve hexadecimal digits. */
    public String digest() {
        String said = text.root().render(ConfigRenderOptions.concise());
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(said.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(hash, 0, DIGEST_BYTES);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every JDK has it
        }
    }

    private Scenario with(Machine other) {
        return new Scenario(name, title, other, routing, pit, entries, successiveEois, devices, limits, groups, text);
    }
}
