package org.vcpusim.scenario;

import com.typesafe.config.ConfigValueFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.kvm.Device;
import org.vcpusim.kvm.Hotplug;
import org.vcpusim.kvm.Ioapic;
import org.vcpusim.kvm.Irqchip;
import org.vcpusim.kvm.Machine;
import org.vcpusim.kvm.Program;
import org.vcpusim.kvm.Protocol;
import org.vcpusim.kvm.Routing;
import org.vcpusim.scenario.Instruction.IpiForm;
import org.vcpusim.scenario.Instruction.Setting;

/** Makes a {@link Scenario} of a scenario file: everything but the guests. */
final class ScenarioReader {
    /** Keys of a scenario. */
    static final List<String> KEYS = List.of(
            "vcpus",
            "protocol",
            "apicv",
            "apic",
            "logical-ids",
            "synic",
            "routing",
            "irqchip",
            "reserved-ioapic-pins",
            "suppress-eoi-broadcast",
            "early-vcpus",
            "successive-eois",
            "eoi-broadcasts",
            "pit",
            "ioapic",
            "handlers",
            "guests",
            "devices",
            "kernel",
            "without",
            "with",
            "faults",
            "garbage-seed",
            "limits",
            "physical-cpus",
            "halt-poll",
            "keep");
    /** Keys of a device. */
    static final List<String> DEVICE_KEYS = List.of("line", "irqfd", "do");
    /** Keys of the bounds. */
    static final List<String> LIMIT_KEYS = List.of("steps", "trace-records");
    /** Highest number of vCPUs whose IDs all fit into an xAPIC's eight bits, 255 being the broadcast. */
    static final int MOST_XAPICS = 255;

    private static final long MOST_HALT_POLL_NANOS = 10_000_000;

    private final ScenarioText text;
    private final Located root;
    private final int vcpus;

    /** A reader of {@code text} for {@code vcpus} vCPUs, whatever the file says. */
    ScenarioReader(ScenarioText text, int vcpus) {
        this.text = text;
        this.root = text.located();
        this.vcpus = vcpus;
    }

    /** A reader of {@code text} for as many vCPUs as it says. */
    static ScenarioReader of(ScenarioText text) {
        text.located().onlyKeys(KEYS);
        int most = Limits.settings("vcpusim.scenario").getInt("vcpus");
        Located count = text.located().need("vcpus", Numbers.range(1, most));
        return new ScenarioReader(text, (int) count.number(1, most));
    }

    Scenario read() {
        Kept.check(root);
        IrqchipReader irqchips = new IrqchipReader(root, vcpus);
        Irqchip irqchip = irqchips.irqchip();
        irqchips.checkNone(irqchip);
        int wide =
                vcpus > MOST_XAPICS ? Machine.X2APIC_API_USE_32BIT_IDS | Machine.X2APIC_API_DISABLE_BROADCAST_QUIRK : 0;
        int x2apicApi = wide | irqchips.suppressEoiBroadcast(irqchip);
        List<Located.Member> members = members("devices", "devices by name");
        List<String> names = members.stream().map(Located.Member::key).toList();
        int highestMsi = GuestInstructions.highestMsiDestination(x2apicApi);
        Setting setting = new Setting(names, IpiForm.XAPIC, highestMsi, vcpus, physicalCpus());
        List<Peripheral> devices = devices(members, setting, irqchips);
        Machine machine = new Machine(
                vcpus,
                protocol(),
                irqchip.mode() == Irqchip.Mode.NONE ? Machine.Apicv.INACTIVE : apicv(),
                x2apicApi,
                names.size(),
                Machine.TaskPriority.TPR_SHADOW,
                new RulesReader(root).read(),
                number("garbage-seed"),
                irqchip,
                physicalCpus(devices),
                hotplug(devices),
                haltPoll());
        SortedMap<Integer, RedirectionEntry> entries = entries();
        return new Scenario(
                text.name(),
                text.title(),
                machine,
                irqchips.routing(irqchip, entries),
                irqchips.pit(irqchip),
                entries,
                irqchips.successiveEois(irqchip),
                devices,
                limits(),
                new GuestsReader(root, vcpus, setting).read(),
                text);
    }

    private List<Located.Member> members(String key, String must) {
        return root.get(key).map(found -> found.members(must)).orElse(List.of());
    }

    /** As the scenario says, or 0. */
    private int physicalCpus() {
        return root.get("physical-cpus")
                .map(found -> (int) found.number(1, vcpus))
                .orElse(0);
    }

    /** One for each vCPU where a device needs processors and the scenario does not say how many. */
    private int physicalCpus(List<Peripheral> devices) {
        boolean needed = any(devices, DeviceInstructions::needsHost);
        int said = physicalCpus();
        return said == 0 && needed ? vcpus : said;
    }

    /** What devices create or assign is not there from the start. */
    private Hotplug hotplug(List<Peripheral> devices) {
        List<Integer> later = IntStream.range(0, vcpus)
                .filter(vcpu -> any(devices, action -> DeviceInstructions.creates(action, vcpu)))
                .boxed()
                .toList();
        boolean assigned = any(devices, action -> action == Device.Plain.ASSIGN);
        return new Hotplug(later, assigned ? Hotplug.Assignment.LATER : Hotplug.Assignment.FROM_START);
    }

    private static boolean any(List<Peripheral> devices, Predicate<Device.Action> wanted) {
        return devices.stream().anyMatch(each -> ProgramReader.any(each.program(), wanted));
    }

    private Protocol protocol() {
        List<String> keys = Arrays.stream(Protocol.values()).map(Protocol::key).toList();
        return root.get("protocol")
                .map(found -> Protocol.values()[keys.indexOf(found.oneOf(keys))])
                .orElse(Protocol.LOAD_EOI_EXITMAP);
    }

    private Machine.Apicv apicv() {
        boolean on = root.get("apicv").map(Located::onOrOff).orElse(true);
        return on ? Machine.Apicv.ACTIVE : Machine.Apicv.INACTIVE;
    }

    /** The most that a halted vCPU looks around before it sleeps, in nanoseconds. */
    private long haltPoll() {
        String must = "a time of at most 10ms, such as 200us; 0ns for none";
        return root.get("halt-poll")
                .map(found -> Numbers.parseNanos(found.text(must))
                        .filter(nanos -> nanos <= MOST_HALT_POLL_NANOS)
                        .orElseThrow(() -> found.wrong(must)))
                .orElse(0L);
    }

    private long number(String key) {
        return root.get(key)
                .map(found -> found.number(Long.MIN_VALUE, Long.MAX_VALUE))
                .orElse(0L);
    }

    private SortedMap<Integer, RedirectionEntry> entries() {
        SortedMap<Integer, RedirectionEntry> entries = new TreeMap<>();
        for (Located.Member member : members("ioapic", "redirection entries by pin")) {
            int pin = keyNumber(member, "pin", Ioapic.PINS - 1);
            Words words = Words.of(member.value(), "a redirection entry: " + Messages.ENTRY);
            if (entries.put(pin, Messages.entry(words)) != null) {
                throw member.value().wrong("pin", member.key(), "named once");
            }
        }
        return Collections.unmodifiableSortedMap(entries);
    }

    /** The number that a key is. */
    static int keyNumber(Located.Member member, String what, int max) {
        return Numbers.parse(member.key())
                .filter(n -> n >= 0 && n <= max)
                .orElseThrow(() -> member.value().wrong(what, Located.oneLine(member.key()), Numbers.range(0, max)))
                .intValue();
    }

    private static List<Peripheral> devices(List<Located.Member> members, Setting setting, IrqchipReader irqchips) {
        ProgramReader<Device.Action> programs = new ProgramReader<>(DeviceInstructions.TABLE, setting);
        List<Peripheral> devices = new ArrayList<>();
        for (Located.Member member : members) {
            member.value().onlyKeys(DEVICE_KEYS);
            Program<Device.Action> program =
                    member.value().get("do").map(programs::read).orElse(new Program<>(List.of()));
            irqchips.check(member.value(), program);
            Device.Wiring wiring = irqchips.wiring(member.value());
            if (wiring != Device.Wiring.IRQFD && ProgramReader.any(program, DeviceInstructions::removesIrqfd)) {
                throw member.value()
                        .wrong(member.value().path() + ".irqfd", "none", "resample for a device that removes it");
            }
            devices.add(new Peripheral(member.key(), line(member.value(), program, devices), wiring, program));
        }
        return devices;
    }

    /** A line that an assigned device shares with an emulated one has two sources. */
    private static int line(Located device, Program<Device.Action> program, List<Peripheral> others) {
        boolean resamples = device.get("irqfd")
                .map(found -> found.text("none or resample").equals("resample"))
                .orElse(false);
        int last = Ioapic.PINS - 1;
        Optional<Located> line = device.get("line");
        if (line.isEmpty()) {
            if (ProgramReader.any(program, DeviceInstructions::drivesLine)) {
                throw device.wrong(
                        device.path() + ".line", "nothing", Numbers.range(0, last) + " for a device that drives one");
            }
            return Routing.MAX_GSI;
        }
        int gsi = (int) line.get().number(0, last);
        for (Peripheral other : others) {
            if (other.gsi() == gsi && (other.wiring() == Device.Wiring.IRQFD) == resamples) {
                throw line.get().wrong("a line of its own; " + other.name() + " is on it");
            }
        }
        return gsi;
    }

    private Limits limits() {
        Located limits = root.get("limits")
                .orElse(new Located(text.file(), "limits", ConfigValueFactory.fromMap(java.util.Map.of())));
        limits.onlyKeys(LIMIT_KEYS);
        Limits d = Limits.DEFAULT;
        return new Limits(
                bound(limits, "steps", d.steps(), Long.MAX_VALUE),
                bound(limits, "trace-records", d.traceRecords(), Long.MAX_VALUE));
    }

    private static long bound(Located limits, String key, long otherwise, long max) {
        return limits.get(key).map(found -> found.number(1, max)).orElse(otherwise);
    }
}
