package org.vcpusim.scenario;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.kvm.ApicIdentity.ApicMode;
import org.vcpusim.kvm.Guest;
import org.vcpusim.kvm.GuestAction;
import org.vcpusim.kvm.GuestAction.Plain;
import org.vcpusim.kvm.HvSynic;
import org.vcpusim.kvm.Program;
import org.vcpusim.scenario.Instruction.Setting;
import org.vcpusim.scenario.NestedInstructions.Level;
import org.vcpusim.scenario.VcpuGroup.EoiBroadcasts;
import org.vcpusim.scenario.VcpuGroup.LogicalIds;

/** Reads the groups of vCPUs and what their guests run. */
final class GuestsReader {
    /** Keys of a group. */
    static final List<String> KEYS =
            List.of("vcpus", "do", "handlers", "apic", "eoi-broadcasts", "logical-ids", "synic", "l2");
    /** The handler of the vectors that have none of their own. */
    static final String OTHER_HANDLER = "other";

    private static final List<String> APICS = List.of("disabled", "xapic", "x2apic");
    private static final List<String> LOGICAL_IDS = List.of("none", "flat", "cluster");
    private static final List<String> EOI_BROADCASTS = List.of("on", "suppressed");
    private static final int NMI = 2;
    private static final Program<GuestAction> NOTHING = Program.of(List.of());
    private static final Program<GuestAction> IDLE = Program.of(List.of(Plain.STI, Plain.HLT));
    static final Program<GuestAction> EOI = Program.of(List.of(Plain.EOI));

    private final Located root;
    private final int vcpus;
    private final Setting setting;

    /** The IPI form of {@code setting} is not used: each group has its own. */
    GuestsReader(Located root, int vcpus, Setting setting) {
        this.root = root;
        this.vcpus = vcpus;
        this.setting = setting;
    }

    /** The group of each vCPU; those that no group names idle. */
    List<VcpuGroup> read() {
        VcpuGroup idle = group("idle", Optional.empty(), new BitSet());
        List<VcpuGroup> groups = new ArrayList<>();
        for (int vcpu = 0; vcpu < vcpus; vcpu++) {
            groups.add(idle);
        }
        BitSet named = new BitSet(vcpus);
        Optional<Located.Member> others = Optional.empty();
        List<Located.Member> members = root.get("guests")
                .map(found -> found.members("groups of vCPUs by name"))
                .orElse(List.of());
        for (Located.Member member : members) {
            member.value().onlyKeys(KEYS);
            Optional<Located> indices = member.value().get("vcpus").filter(value -> !VcpuIndices.isOthers(value));
            if (indices.isPresent()) {
                BitSet own = VcpuIndices.read(indices.get(), vcpus);
                refuseOverlap(indices.get(), own, named, groups);
                named.or(own);
                assign(member, own, groups);
            } else if (others.isPresent()) {
                throw member.value()
                        .wrong(
                                member.key() + ".vcpus",
                                VcpuIndices.OTHERS,
                                "of one group only; it is of " + others.get().key());
            } else {
                others = Optional.of(member);
            }
        }
        BitSet left = new BitSet(vcpus);
        left.set(0, vcpus);
        left.andNot(named);
        others.ifPresent(member -> assign(member, left, groups));
        checkIdle(left, others.isPresent());
        return groups;
    }

    private void checkIdle(BitSet left, boolean taken) {
        if (!taken && !left.isEmpty()) {
            group("idle", Optional.empty(), left);
        }
    }

    private static void refuseOverlap(Located value, BitSet own, BitSet named, List<VcpuGroup> groups) {
        BitSet twice = (BitSet) own.clone();
        twice.and(named);
        if (!twice.isEmpty()) {
            int vcpu = twice.nextSetBit(0);
            throw value.wrong("vCPUs of no other group; " + vcpu + " is in "
                    + groups.get(vcpu).name());
        }
    }

    private void assign(Located.Member member, BitSet indices, List<VcpuGroup> groups) {
        VcpuGroup group = group(member.key(), Optional.of(member.value()), indices);
        indices.stream().forEach(vcpu -> groups.set(vcpu, group));
    }

    private VcpuGroup group(String name, Optional<Located> own, BitSet indices) {
        ApicMode apic = apic(own, indices);
        Setting mine = new Setting(
                setting.devices(),
                GuestInstructions.ipiForm(apic == ApicMode.X2APIC),
                setting.highestMsiDestination(),
                vcpus,
                setting.physicalCpus());
        Optional<HvSynic> synic = either(own, "synic").flatMap(GuestsReader::synic);
        Optional<HypervisorReader> l2 =
                own.flatMap(group -> group.get("l2")).map(value -> new HypervisorReader(value, mine));
        Level level = l2.isPresent() ? Level.L1 : Level.PLAIN;
        List<GuestAction> entry = l2.map(HypervisorReader::entry).orElse(NestedInstructions.ENTRY);
        ProgramReader<GuestAction> programs = new ProgramReader<>(NestedInstructions.table(level, entry), mine);
        Guest.Software plain = software(own, programs);
        Guest.Software software = l2.map(reader -> reader.hypervisor(plain)).orElse(plain);
        return new VcpuGroup(name, apic, eoiBroadcasts(own), logicalIds(own, apic, indices), synic, software);
    }

    private Optional<Located> either(Optional<Located> own, String key) {
        return own.flatMap(group -> group.get(key)).or(() -> root.get(key));
    }

    private ApicMode apic(Optional<Located> own, BitSet indices) {
        boolean large = vcpus > ScenarioReader.MOST_XAPICS;
        Optional<Located> value = either(own, "apic");
        ApicMode mode = value.map(found -> ApicMode.valueOf(found.oneOf(APICS).toUpperCase(Locale.ROOT)))
                .orElse(large ? ApicMode.X2APIC : ApicMode.XAPIC);
        if (mode == ApicMode.XAPIC && indices.length() > ScenarioReader.MOST_XAPICS) {
            throw value.orElse(root).wrong("x2apic or disabled for vCPUs above 254");
        }
        return mode;
    }

    private EoiBroadcasts eoiBroadcasts(Optional<Located> own) {
        return either(own, "eoi-broadcasts")
                .map(found -> EoiBroadcasts.values()[EOI_BROADCASTS.indexOf(found.oneOf(EOI_BROADCASTS))])
                .orElse(EoiBroadcasts.ON);
    }

    private LogicalIds logicalIds(Optional<Located> own, ApicMode apic, BitSet indices) {
        Optional<Located> value = either(own, "logical-ids");
        if (value.isEmpty()) {
            return LogicalIds.NONE;
        }
        LogicalIds ids = LogicalIds.values()[LOGICAL_IDS.indexOf(value.get().oneOf(LOGICAL_IDS))];
        if (ids != LogicalIds.NONE && apic == ApicMode.X2APIC) {
            throw value.get().wrong("none, as x2APIC mode has logical IDs of its own");
        }
        if (indices.length() > ids.vcpus()) {
            throw value.get().wrong("for vCPUs 0 to " + (ids.vcpus() - 1) + " only");
        }
        return ids;
    }

    /** A SynIC with these vectors; the word none for no Hyper-V context. */
    private static Optional<HvSynic> synic(Located value) {
        String must = Numbers.range(HvSynic.FIRST_VALID_VECTOR, VectorBitmap.VECTORS - 1);
        if (!value.isList() && value.text("a list of vectors, or none").equals("none")) {
            return Optional.empty();
        }
        VectorBitmap vectors = VectorBitmap.EMPTY;
        for (Located element : value.isList() ? value.elements(must) : List.of(value)) {
            vectors = vectors.with((int) element.number(HvSynic.FIRST_VALID_VECTOR, VectorBitmap.VECTORS - 1));
        }
        if (vectors.cardinality() > HvSynic.SINTS) {
            throw value.wrong("at most " + HvSynic.SINTS + " vectors, one for each source");
        }
        return Optional.of(HvSynic.of(vectors));
    }

    private Guest.Software software(Optional<Located> own, ProgramReader<GuestAction> programs) {
        Program<GuestAction> written =
                own.flatMap(group -> group.get("do")).map(programs::read).orElse(IDLE);
        Program<GuestAction> main = ProgramReader.isEmpty(written) ? IDLE : written;
        Map<Integer, Program<GuestAction>> handlers = ownHandlers();
        Program<GuestAction> other = EOI;
        for (Optional<Located> level : List.of(root.get("handlers"), own.flatMap(group -> group.get("handlers")))) {
            if (level.isPresent()) {
                other = handlers(level.get(), programs, handlers).orElse(other);
            }
        }
        return new Guest.Software(main, list(handlers), other, IDLE, main);
    }

    /** The handlers that there are in any case: those of an NMI and of an exception, which send no EOI. */
    static Map<Integer, Program<GuestAction>> ownHandlers() {
        Map<Integer, Program<GuestAction>> handlers = new TreeMap<>();
        handlers.put(NMI, NOTHING);
        handlers.put(Guest.GENERAL_PROTECTION, NOTHING);
        return handlers;
    }

    static List<Guest.Handler> list(Map<Integer, Program<GuestAction>> handlers) {
        List<Guest.Handler> all = new ArrayList<>();
        handlers.forEach((vector, program) -> all.add(new Guest.Handler(vector, program)));
        return all;
    }

    /** Adds the handlers of {@code value}; the one for all other vectors is the answer. */
    static Optional<Program<GuestAction>> handlers(
            Located value, ProgramReader<GuestAction> programs, Map<Integer, Program<GuestAction>> handlers) {
        Optional<Program<GuestAction>> other = Optional.empty();
        Map<Integer, String> here = new TreeMap<>();
        for (Located.Member member : value.members("handlers by vector, and " + OTHER_HANDLER)) {
            Program<GuestAction> program = programs.read(member.value());
            if (member.key().equals(OTHER_HANDLER)) {
                other = Optional.of(program);
            } else {
                int vector = ScenarioReader.keyNumber(member, "vector", VectorBitmap.VECTORS - 1);
                String before = here.put(vector, member.key());
                if (before != null) {
                    throw member.value().wrong("vector", member.key(), "named once; it is " + before + " too");
                }
                handlers.put(vector, program);
            }
        }
        return other;
    }
}
