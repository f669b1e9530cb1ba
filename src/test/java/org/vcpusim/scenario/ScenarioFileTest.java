package org.vcpusim.scenario;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.ApicRegister;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.kvm.Device;
import org.vcpusim.kvm.Fault;
import org.vcpusim.kvm.GuestAction;
import org.vcpusim.kvm.GuestAction.ApicRegisterWrite;
import org.vcpusim.kvm.GuestAction.IoapicRegisterWrite;
import org.vcpusim.kvm.GuestAction.Plain;
import org.vcpusim.kvm.HvSynic;
import org.vcpusim.kvm.Irqchip;
import org.vcpusim.kvm.Machine;
import org.vcpusim.kvm.Pit;
import org.vcpusim.kvm.Program;
import org.vcpusim.kvm.Protocol;
import org.vcpusim.kvm.Routing;

/** What scenarios mean. */
class ScenarioFileTest {

    private static Scenario scenario(String text) {
        return ScenarioFile.parse(text, "folder/some.conf");
    }

    private static Program<GuestAction> main(String rest) {
        return scenario("vcpus = 1, guests { a { do = [" + rest + "] } }")
                .software(0)
                .main();
    }

    @Test
    void aScenarioOfOneKeyIsAnIdleMachineOfDefaults() {
        Scenario s = scenario("# Shows nothing.\nvcpus = 2");
        Machine machine = new Machine(
                2,
                Protocol.LOAD_EOI_EXITMAP,
                Machine.Apicv.ACTIVE,
                0,
                0,
                Machine.TaskPriority.TPR_SHADOW,
                List.of(),
                0);
        assertEquals("some", s.name());
        assertEquals("Shows nothing.", s.title());
        assertEquals(machine, s.machine());
        assertEquals(Routing.of(Routing.Preset.IOAPIC), s.routing());
        assertEquals(Map.of(), s.entries());
        assertEquals(List.of(), s.devices());
        assertEquals(Limits.DEFAULT, s.limits());
        assertEquals(Optional.empty(), s.synic(1));
        assertEquals(Program.of(List.of(Plain.STI, Plain.HLT)), s.software(1).main());
        assertEquals(Program.of(List.of(Plain.EOI)), s.software(1).otherHandler());
        assertTrue(s.lapic(1).enabled());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            vector 0x31                        | 0x0000000000000031
            vector 49 level to 3               | 0x0300000000008031
            to all masked logical vector 1     | 0xff00000000010801
            vector 2 lowest low-active         | 0x0000000000002102
            vector 2 smi                       | 0x0000000000000202
            vector 2 nmi                       | 0x0000000000000402
            vector 2 init                      | 0x0000000000000502
            vector 2 extint edge physical      | 0x0000000000000702
            """)
    void anEntryIsWrittenInWords(String words, String bits) {
        RedirectionEntry entry = new RedirectionEntry(Long.parseUnsignedLong(bits.substring(2), 16));
        Scenario s = scenario("vcpus = 1\nioapic { 16 = " + words + " }");
        assertEquals(Map.of(16, entry), s.entries());
        assertEquals(entry, s.ioapic().entries().get(16));
        GuestAction high = new IoapicRegisterWrite(0x31, entry.highHalf());
        GuestAction low = new IoapicRegisterWrite(0x30, entry.lowHalf());
        assertEquals(Program.of(List.of(high, low)), main("set-entry 16 " + words), "high half first");
    }

    @Test
    void guestsDoWhatTheirInstructionsSay() {
        List<GuestAction> all = List.of(
                Plain.NOP,
                Plain.STI,
                Plain.CLI,
                Plain.HLT,
                Plain.EOI,
                Plain.EXIT_TO_USERSPACE,
                new GuestAction.Compute(1_500_000),
                new IoapicRegisterWrite(0x11 + 2 * 23, 7 << 24),
                new IoapicRegisterWrite(0x10, 0x18031),
                new IoapicRegisterWrite(0xff, -1),
                new ApicRegisterWrite(0x80, 0x20),
                new ApicRegisterWrite(0x3f0, 0x40),
                new GuestAction.Rdmsr(0x1b),
                new GuestAction.Wrmsr(0x1b, 0xfee00800L),
                new GuestAction.MmioRead(0xfec00000L, 4),
                new GuestAction.MmioWrite(0xfec00000L, 8, -1L),
                new GuestAction.PortRead(0x20),
                new GuestAction.PortWrite(0xffff, 0xff));
        assertEquals(
                Program.of(all),
                main(
                        "nop, sti, cli, hlt, eoi, exit, compute 1500us, set-high 23 to 7, set-low 0 vector 0x31 level masked,"
                                + "ioapic-write 255 0xffffffff, apic-write TASKPRI 0x20, apic-write 0x3f0 0x40, rdmsr 0x1b,"
                                + "wrmsr 0x1b 0xfee00800, read 0xfec00000 4, write 0xfec00000 8 0xffffffffffffffff,"
                                + "in 0x20, out 0xffff 255"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', nullValues = "none", textBlock = """
            vector 0x40 to 3          | 0x3000000 | 0x4040  | 0x300004040
            vector 0x40 to self       | none      | 0x44040 | 0x44040
            vector 0x40 to all        | none      | 0x84040 | 0x84040
            vector 0x40 nmi to others | none      | 0xc4440 | 0xc4440
            vector 8 sipi to 1        | 0x1000000 | 0x4608  | 0x100004608
            vector 1 logical to 0x80  | 0x80000000 | 0x4801 | 0x8000004801
            """)
    void anIpiIsWrittenAsTheModeWantsIt(String words, String icr2, String icr, String x2apicIcr) {
        GuestAction low = new ApicRegisterWrite(0x300, Long.decode(icr));
        List<GuestAction> xapic =
                icr2 == null ? List.of(low) : List.of(new ApicRegisterWrite(0x310, Long.decode(icr2)), low);
        assertEquals(Program.of(xapic), main("ipi " + words));
        Scenario x2apic = scenario("vcpus = 1, apic = x2apic, guests { a { do = [ipi " + words + "] } }");
        GuestAction whole = new ApicRegisterWrite(0x300, Long.decode(x2apicIcr));
        assertEquals(Program.of(List.of(whole)), x2apic.software(0).main());
    }

    @Test
    void devicesDoWhatTheirInstructionsSay() {
        Scenario s =
                scenario("vcpus = 1, devices { b { line = 3, do = [assert, deassert, await-acknowledge, delay 1s] }\n"
                        + "a { do = [msi vector 0x31 level logical hint to 3, msi vector 1 lowest to all] } }");
        List<Device.Action> line = List.of(
                Device.Plain.ASSERT,
                Device.Plain.DEASSERT,
                Device.Plain.AWAIT_ACKNOWLEDGE,
                new Device.Delay(1_000_000_000));
        List<Device.Action> msis =
                List.of(new Device.SendMsi(0xfee0300cL, 0x8031), new Device.SendMsi(0xfeeff000L, 0x101));
        assertEquals(
                List.of(
                        new Peripheral("b", 3, Device.Wiring.KERNEL, Program.of(line)),
                        new Peripheral("a", Routing.MAX_GSI, Device.Wiring.KERNEL, Program.of(msis))),
                s.devices(),
                "in the order of the file");
    }

    @Test
    void loopsAreLoops() {
        Program<GuestAction> inner = Program.of(List.of(Plain.NOP));
        assertEquals(
                new Program<>(List.of(new Program.Do<>(Plain.STI), new Program.Repeat<>(100, inner))),
                main("sti, { repeat = 100, do = [nop] }"));
    }

    @Test
    void vcpusOfAGroupShareOneSoftwareAndTheOthersAreTheRest() {
        Scenario s =
                scenario("vcpus = 4096, guests { a { vcpus = [0, 4, 8..15] }, b { vcpus = 4000..last }, rest {} }");
        String names = IntStream.of(0, 1, 4, 5, 8, 15, 16, 3999, 4000, 4095)
                .mapToObj(s::group)
                .reduce("", (left, right) -> left + " " + right);
        assertEquals(" a rest a rest a a rest rest b b", names);
        assertSame(s.software(1), s.software(3999));
        assertEquals("rest", s.withVcpus(4001).group(3999));
    }

    @Test
    void aGroupReplacesWhatTheScenarioSaysOfHandlersVectorByVector() {
        Scenario s = scenario("vcpus = 2, handlers { 0x31 = [nop], 0x41 = [nop] }\n"
                + "guests { a { vcpus = 1, handlers { 0x41 = [eoi], other = [] }, synic = [0x52] } }");
        assertEquals("2: 13: 49:NOP 65:NOP", handlers(s, 0));
        assertEquals("2: 13: 49:NOP 65:EOI", handlers(s, 1));
        assertEquals(Program.of(List.of()), s.software(1).otherHandler());
        assertEquals(Optional.of(HvSynic.of(VectorBitmap.of(0x52))), s.synic(1));
    }

    private static String handlers(Scenario s, int vcpu) {
        return s.software(vcpu).handlers().stream()
                .map(h -> h.vector() + ":"
                        + h.program().items().stream()
                                .map(item -> String.valueOf(((Program.Do<GuestAction>) item).action()))
                                .reduce("", String::concat))
                .reduce((left, right) -> left + " " + right)
                .orElse("");
    }

    @Test
    void localApicsStartAsTheScenarioSays() {
        Scenario s = scenario("vcpus = 3, logical-ids = cluster\n"
                + "guests { a { vcpus = 1, apic = x2apic, logical-ids = none }, b { vcpus = 2, apic = disabled } }");
        assertEquals(0x01000000, s.lapic(0).identity().ldr());
        assertEquals(0x0fffffff, s.lapic(0).identity().dfr());
        assertTrue(s.lapic(1).x2apic());
        assertEquals(2, s.lapic(1).identity().ldr());
        assertEquals(false, s.lapic(2).hwEnabled());
        assertTrue(s.lapic(2).swEnabled());
        assertTrue(scenario("vcpus = 256").lapic(255).x2apic(), "IDs above 254 need x2APIC mode");
    }

    @Test
    void faultsAndProtocolAndVcpusCanBeReplaced() {
        Scenario s = scenario("vcpus = 2, faults = [kick-before-request], protocol = scan-then-load, garbage-seed = 7");
        assertEquals(List.of(Fault.KICK_BEFORE_REQUEST), s.machine().rules().faults());
        Machine machine = s.withFaults(EnumSet.of(Fault.NO_RECHECK))
                .withProtocol(Protocol.LOAD_EOI_EXITMAP)
                .withVcpus(300)
                .machine();
        assertEquals(
                new Machine(
                        300,
                        Protocol.LOAD_EOI_EXITMAP,
                        Machine.Apicv.ACTIVE,
                        3,
                        0,
                        Machine.TaskPriority.TPR_SHADOW,
                        List.of(Fault.NO_RECHECK),
                        7),
                machine);
    }

    @Test
    void thePageDescribesEveryKeyAndInstruction() throws IOException {
        String page = Files.readString(Path.of("docs", "scenarios.md")).replace("\\|", "|");
        Stream<String> keys = Stream.of(
                        ScenarioReader.KEYS,
                        ScenarioReader.DEVICE_KEYS,
                        ScenarioReader.LIMIT_KEYS,
                        GuestsReader.KEYS,
                        ProgramReader.LOOP_KEYS,
                        Stream.of(Fault.values()).map(Fault::key).toList(),
                        Stream.of(Protocol.values()).map(Protocol::key).toList())
                .flatMap(List::stream);
        Stream<String> instructions = Stream.concat(
                GuestInstructions.TABLE.stream().map(row -> "| `" + row.syntax()),
                DeviceInstructions.TABLE.stream().map(row -> "| `" + row.syntax()));
        List<String> missing = Stream.concat(keys.map(key -> "`" + key), instructions)
                .map(text -> text + "`")
                .filter(text -> !page.contains(text))
                .toList();
        assertEquals(List.of(), missing);
    }

    @Test
    void thePagesExampleIsAScenario() throws IOException {
        String page = Files.readString(Path.of("docs", "scenarios.md"));
        String example = page.substring(page.indexOf("```hocon") + 9, page.indexOf("```\n\nAs in every file"));
        assertEquals(4096, ScenarioFile.parse(example, "example.conf").machine().vcpuCount());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            irqchip = kernel                                            | KERNEL | 0  | 0
            irqchip = split                                             | SPLIT  | 24 | 0
            irqchip = split, reserved-ioapic-pins = 2                   | SPLIT  | 2  | 0
            irqchip = split, suppress-eoi-broadcast = quirk             | SPLIT  | 24 | 0
            irqchip = split, suppress-eoi-broadcast = enabled           | SPLIT  | 24 | 4
            irqchip = split, suppress-eoi-broadcast = disabled          | SPLIT  | 24 | 8
            suppress-eoi-broadcast = disabled                           | KERNEL | 0  | 8
            """)
    void theIoapicIsInTheKernelOrInUserSpace(String text, Irqchip.Mode mode, int pins, int flags) {
        Machine machine = scenario("vcpus = 1, " + text).machine();
        assertEquals(new Irqchip(mode, pins, List.of()), machine.irqchip());
        assertEquals(flags, machine.x2apicApi());
        assertEquals(machine, scenario("vcpus = 2, " + text).withVcpus(1).machine());
    }

    @Test
    void theRoutesOfASplitIrqchipAreItsUnmaskedEntries() {
        Scenario s =
                scenario("vcpus = 1, irqchip = split\nioapic { 3 = vector 0x31 level to 2, 4 = vector 0x41 masked }");
        assertEquals(Routing.NONE.with(new Routing.MsiRoute(3, 0xfee02000L, 0x8031)), s.routing());
        assertEquals(0x1050014, s.lapic(0).page().read(ApicRegister.LVR));
    }

    @Test
    void aDevicesLineLeadsToTheIoapicByItsWiring() {
        assertEquals(List.of(Device.Wiring.KERNEL), wirings("devices { a { line = 3 } }"));
        assertEquals(List.of(Device.Wiring.IRQFD), wirings("devices { a { line = 3, irqfd = resample } }"));
        assertEquals(List.of(Device.Wiring.USERSPACE), wirings("irqchip = split, devices { a { line = 3 } }"));
        assertEquals(Pit.Mode.ABSENT, scenario("vcpus = 1").pit());
        assertEquals(Pit.Mode.REINJECT, scenario("vcpus = 1, pit = reinject").pit());
        assertEquals(
                Program.of(List.of(Device.Plain.PIT_TICK)),
                scenario("vcpus = 1, pit = discard, devices { a { do = [pit-tick] } }")
                        .devices()
                        .get(0)
                        .program());
    }

    private static List<Device.Wiring> wirings(String text) {
        return scenario("vcpus = 1, " + text).devices().stream()
                .map(Peripheral::wiring)
                .toList();
    }
}
