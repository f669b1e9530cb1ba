package org.vcpusim;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.CompositeArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.UUID;
import java.util.WeakHashMap;
import java.util.stream.Collectors;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.jspecify.annotations.NullMarked;

/** The laws of the architecture which bytecode can show: who may know whom, and what the core may not use. */
@AnalyzeClasses(packages = "org.vcpusim", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {

    private static final String BASE = "org.vcpusim.";

    /** One row of the table: a package, which of ours it may import, and its libraries beside the JDK's and JSpecify. */
    private record Row(String name, List<String> ours, List<String> libraries) {

        ArchRule rule() {
            List<String> allowed = new ArrayList<>(List.of("java..", "org.jspecify.annotations..", BASE + name));
            ours.forEach(other -> allowed.add(BASE + other));
            libraries.forEach(library -> allowed.add(library + ".."));
            return classes()
                    .that()
                    .resideInAPackage(BASE + name)
                    .should()
                    .onlyDependOnClassesThat(describe(
                            "reside in any of " + allowed,
                            target -> inAnyPackage(target.getBaseComponentType(), allowed)))
                    .allowEmptyShould(true);
        }

        private static boolean inAnyPackage(JavaClass target, List<String> packages) {
            return target.isPrimitive()
                    || JavaClass.Predicates.resideInAnyPackage(packages.toArray(String[]::new))
                            .test(target);
        }
    }

    private static final List<Row> TABLE = List.of(
            new Row("arch", List.of(), List.of()),
            new Row("kvm", List.of("arch"), List.of()),
            new Row("trace", List.of("kvm", "arch"), List.of("com.fasterxml.jackson")),
            new Row("check", List.of("trace", "kvm", "arch"), List.of()),
            new Row("scenario", List.of("kvm", "arch"), List.of("com.typesafe.config")),
            new Row("actor", List.of("kvm", "arch", "trace"), List.of("org.apache.pekko", "org.slf4j", "scala")),
            new Row("schedule", List.of(), List.of("org.apache.pekko", "com.typesafe.config", "scala")),
            new Row("search", List.of("kvm", "arch", "check", "trace", "schedule"), List.of()),
            new Row(
                    "sim",
                    List.of("arch", "kvm", "trace", "check", "scenario", "actor", "schedule", "search"),
                    List.of(
                            "org.apache.pekko",
                            "org.slf4j",
                            "scala",
                            "com.typesafe.config",
                            "org.HdrHistogram",
                            "com.fasterxml.jackson")),
            new Row(
                    "junit",
                    List.of("kvm", "scenario", "schedule", "sim"),
                    List.of(
                            "org.junit.jupiter.api",
                            "org.junit.platform.commons.support",
                            "org.slf4j",
                            "ch.qos.logback")),
            new Row(
                    "cli",
                    List.of("arch", "kvm", "trace", "check", "scenario", "actor", "schedule", "search", "sim"),
                    List.of(
                            "picocli",
                            "me.tongfei.progressbar",
                            "org.HdrHistogram",
                            "org.slf4j",
                            "ch.qos.logback",
                            "com.fasterxml.jackson",
                            "com.sun.net.httpserver")));

    @ArchTest
    static final ArchRule packagesKnowOnlyWhatTheTableAllows = CompositeArchRule.of(
                    TABLE.stream().map(Row::rule).toList())
            .as("packages know only what their row of the table allows");

    @ArchTest
    static final ArchRule everyClassIsInAPackageOfTheTable = classes()
            .should()
            .resideInAnyPackage(TABLE.stream().map(row -> BASE + row.name()).toArray(String[]::new));

    @ArchTest
    static final ArchRule packagesHaveNoCycles =
            slices().matching(BASE + "(*)..").should().beFreeOfCycles().allowEmptyShould(true);

    @ArchTest
    static final ArchRule everyPackageIsNullMarked = classes()
            .should(be(
                    "in a @NullMarked package",
                    javaClass -> javaClass.getPackage().isAnnotatedWith(NullMarked.class)));

    /** It is the controlled executor; all else in {@code schedule} sees names and ready mailboxes. */
    @ArchTest
    static void oneClassOfScheduleKnowsPekko(JavaClasses all) {
        Set<String> knowing = all.stream()
                .filter(javaClass -> javaClass.getPackageName().equals(BASE + "schedule"))
                .filter(javaClass -> javaClass.getDirectDependenciesFromSelf().stream()
                        .anyMatch(dependency -> dependency
                                .getTargetClass()
                                .getBaseComponentType()
                                .getPackageName()
                                .startsWith("org.apache.pekko")))
                .map(javaClass -> javaClass.getName().replaceFirst("\\$.*", ""))
                .collect(Collectors.toCollection(TreeSet::new));
        if (knowing.size() > 1) {
            throw new AssertionError("more than one class of schedule knows Pekko: " + knowing);
        }
    }

    /** Clocks, threads, randomness and logs, and the collections whose order differs from run to run. */
    @ArchTest
    static final ArchRule coreDoesNotDependOnWhatMakesRunsDiffer = noClasses()
            .that()
            .resideInAnyPackage(BASE + "arch", BASE + "kvm", BASE + "check")
            .should()
            .dependOnClassesThat(JavaClass.Predicates.resideInAnyPackage(
                            "java.util.concurrent..", "java.util.random..", "java.util.logging..", "org.slf4j..")
                    .or(JavaClass.Predicates.belongToAnyOf(
                            Clock.class,
                            Random.class,
                            SplittableRandom.class,
                            java.security.SecureRandom.class,
                            Thread.class,
                            ThreadLocal.class,
                            System.Logger.class,
                            HashMap.class,
                            HashSet.class,
                            IdentityHashMap.class,
                            WeakHashMap.class)))
            .allowEmptyShould(true);

    @ArchTest
    static final ArchRule coreCallsNothingThatMakesRunsDiffer = noClasses()
            .that()
            .resideInAnyPackage(BASE + "arch", BASE + "kvm", BASE + "check")
            .should()
            .accessTargetWhere(isOneOf(
                    "java.lang.System.currentTimeMillis",
                    "java.lang.System.nanoTime",
                    "java.lang.System.identityHashCode",
                    "java.lang.Math.random",
                    UUID.class.getName() + ".randomUUID",
                    "java.time.Instant.now",
                    "java.time.LocalDateTime.now",
                    "java.util.Collections.shuffle",
                    "java.util.Set.of",
                    "java.util.Set.copyOf",
                    "java.util.Map.of",
                    "java.util.Map.ofEntries",
                    "java.util.Map.copyOf",
                    "java.util.stream.Collectors.toSet",
                    "java.util.stream.Collectors.toUnmodifiableSet",
                    "java.util.stream.Collectors.toMap",
                    "java.util.stream.Collectors.toUnmodifiableMap",
                    "java.util.stream.Collectors.groupingBy",
                    "java.util.stream.BaseStream.parallel",
                    "java.util.Collection.parallelStream"))
            .allowEmptyShould(true);

    @ArchTest
    static final ArchRule noNameSaysNothing = noClasses()
            .should()
            .haveNameMatching(".*(Manager|Helper|Util|Utils|Impl|Processor|Base)(\\$.*)?")
            .allowEmptyShould(true);

    @ArchTest
    static final ArchRule anActorHasOneNonFinalField = classes()
            .that()
            .areAssignableTo(AbstractBehavior.class)
            .should(be("an actor with one non-final field", javaClass -> nonFinalFields(javaClass) == 1))
            .allowEmptyShould(true);

    /** Its own and those of what it extends, up to Pekko's. */
    private static long nonFinalFields(JavaClass javaClass) {
        return javaClass.getAllFields().stream()
                .filter(field -> field.getOwner().getPackageName().startsWith(ArchitectureTest.class.getPackageName()))
                .filter(field -> !field.getModifiers().contains(JavaModifier.FINAL))
                .count();
    }

    private static DescribedPredicate<JavaAccess<?>> isOneOf(String... methods) {
        List<String> names = Arrays.asList(methods);
        return describe(
                "is one of " + names,
                access -> names.contains(access.getTargetOwner().getName() + "."
                        + access.getTarget().getName()));
    }

    private static ArchCondition<JavaClass> be(String what, java.util.function.Predicate<JavaClass> isSo) {
        return new ArchCondition<>("be " + what) {
            @Override
            public void check(JavaClass item, ConditionEvents events) {
                events.add(new SimpleConditionEvent(
                        item, isSo.test(item), item.getName() + (isSo.test(item) ? " is " : " is not ") + what));
            }
        };
    }
}
